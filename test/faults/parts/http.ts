/**
 * Raw HTTP requests to an agent or a controller, over a socket or a port: bytes in, status and text out. For requests
 * that a well-behaved client would never send. Never retries.
 */
import { request } from 'node:http';
import { type Problem, problemSchema } from '@nanofleet/protocol';

/** Where to. */
export type Place = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** What to send. */
export interface RawRequest {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string or bytes as they are; anything else as JSON. */
  readonly body?: unknown;
}

/** What came back. */
export interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

const bytesOf = (body: unknown): Uint8Array | string | undefined => {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return body;
  return JSON.stringify(body);
};

/** Sends a request. */
export const sendRaw = (place: Place, { path, method, headers, body }: RawRequest): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const call = request(
      { ...place, path, method: method ?? (body === undefined ? 'GET' : 'POST'), headers: headers ?? {} },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(bytesOf(body));
  });

/** The value in a JSON answer. */
export const jsonOf = ({ text }: RawAnswer): unknown => JSON.parse(text);

/** The problem in an answer. */
export const problemIn = ({ text }: RawAnswer): Problem => problemSchema.parse(JSON.parse(text));
