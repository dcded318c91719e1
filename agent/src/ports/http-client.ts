/**
 * The real HTTP client: one request with a deadline and a bound on the answer. node:http instead of fetch, because
 * loading fetch costs several megabytes of resident memory. Owns no meaning of statuses.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { HTTP_DEADLINE_MS, NanofleetError } from '@nanofleet/protocol';
import type { TlsIdentity } from '@nanofleet/runtime/ports';

/** Connections that are kept open. */
export interface HttpConnections {
  readonly plain: HttpAgent;
  readonly secure: HttpsAgent;
}

/** A request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For `https:`; left out: a client without a certificate that believes what Node trusts. */
  readonly tls?: TlsIdentity | null;
  /** Left out: those of this process. */
  readonly connections?: HttpConnections | undefined;
  /** Longer answers are an error. */
  readonly bytesMax: number;
  /** Ends it, whatever has come by then. */
  readonly signal?: AbortSignal;
}

/** How a device asks its controller. */
export interface DeviceHttp {
  /** Address. */
  readonly controller: string;
  /** Value of the Authorization header, for connections without TLS of our own. */
  readonly authorization: string;
  /** What TLS is made of now; null before there is a certificate. */
  readonly tls: () => TlsIdentity | null;
  /** Left out: those of this process, in which there is one device. */
  readonly connections?: HttpConnections | undefined;
}

/** Its answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** None yet; two at most of either kind. */
export const makeConnections = (): HttpConnections => ({
  plain: new HttpAgent({ keepAlive: true, maxSockets: 2 }),
  secure: new HttpsAgent({ keepAlive: true, maxSockets: 2 }),
});

const ofProcess = makeConnections();

const tlsOptionsOf = ({ ca, cert, key }: TlsIdentity): RequestOptions => ({
  ...(ca === undefined ? {} : { ca: [...ca] }),
  ...(cert === undefined ? {} : { cert }),
  ...(key === undefined ? {} : { key }),
});

const unreachable = (url: string, cause: unknown): NanofleetError => {
  const why = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new NanofleetError('CONTROLLER_UNREACHABLE', `${new URL(url).origin} does not answer: ${why}`, {
    cause,
  });
};

/**
 * Sends a request and reads its answer.
 * @throws NanofleetError CONTROLLER_UNREACHABLE for everything but an answer
 */
export const sendHttp = (options: HttpRequest): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const isSecure = options.url.startsWith('https:');
    const send = isSecure ? httpsRequest : httpRequest;
    const { plain, secure } = options.connections ?? ofProcess;
    // An answer that does not end is the controller's own doing, and asking again would bring it again.
    const fail = (cause: unknown): void => reject(isEndless(cause) ? cause : unreachable(options.url, cause));
    const request = send(options.url, {
      method: options.method,
      agent: isSecure ? secure : plain,
      ...tlsOptionsOf(options.tls ?? {}),
      headers: { ...options.headers, 'content-length': Buffer.byteLength(options.body ?? '') },
      timeout: HTTP_DEADLINE_MS,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    request.on('error', fail);
    request.on('timeout', () => request.destroy(unreachable(options.url, 'the deadline passed')));
    request.on('response', (response) => {
      readBody(response, options.bytesMax).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        fail,
      );
    });
    request.end(options.body);
  });

const isEndless = (cause: unknown): cause is NanofleetError =>
  cause instanceof NanofleetError && cause.code === 'MESSAGE_TOO_LARGE';

const readBody = async (response: IncomingMessage, bytesMax: number): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > bytesMax) {
      response.destroy();
      throw new NanofleetError('MESSAGE_TOO_LARGE', `the answer is longer than ${bytesMax} bytes`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
};

/** Closes connections that are kept open. */
export const closeHttp = ({ plain, secure }: HttpConnections = ofProcess): void => {
  plain.destroy();
  secure.destroy();
};
