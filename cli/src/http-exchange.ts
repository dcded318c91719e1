/**
 * One HTTP request and its response, by node:http. Not fetch: of Node 20 it neither resolves nor rejects when a server
 * accepts and closes before the request is written (seen with a proxy whose controller was away).
 */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

const CHUNK_BYTES = 64 * 1024;

/** What is sent. */
export interface Exchange {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string | null;
  /** Called with the bytes of the body that were handed to the system so far. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  /** PEM of who may sign the server's certificate; undefined: whom Node trusts. */
  readonly authority?: string | undefined;
  readonly signal: AbortSignal;
}

/** Sends it and reads the whole answer; rejects with the system's error. A redirect is an answer like any other. */
export function exchange(asked: Exchange): Promise<{ status: number; body: string }> {
  const { url, method, headers, signal } = asked;
  const body = typeof asked.body === 'string' ? Buffer.from(asked.body) : (asked.body ?? new Uint8Array());
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  const believed = asked.authority === undefined ? {} : { ca: asked.authority };
  return new Promise((resolve, reject) => {
    const lengths = { ...headers, 'content-length': String(body.length) };
    const call = request(url, { method, headers: lengths, signal, agent: false, ...believed }, (response) => {
      readAll(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
    });
    call.on('error', reject);
    const writeFrom = (at: number): void => {
      if (at >= body.length) call.end();
      else {
        const chunk = body.subarray(at, at + CHUNK_BYTES);
        call.write(chunk, () => {
          asked.onSent?.(at + chunk.length);
          writeFrom(at + CHUNK_BYTES);
        });
      }
    };
    writeFrom(0);
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
