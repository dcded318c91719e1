/**
 * Calls of the operator API over HTTP with the token of the profile. Owns the connection's deadline and the refusal of
 * plain HTTP to other hosts; never decides what to call.
 */
import { isIP } from 'node:net';
import {
  type ApiAnswer,
  type ApiCall,
  type ApiRoute,
  apiAnswerOf,
  HTTP_DEADLINE_MS,
  httpCallOf,
  NanofleetError,
} from '@nanofleet/protocol';
import { exchange } from './http-exchange.ts';
import type { Login } from './profile.ts';
import type { World } from './world.ts';

/** Uploads of the largest blob over a slow line still fit. */
const UPLOAD_DEADLINE_MS = 600_000;

/** Called while a blob is uploaded, with the bytes sent so far. */
export type UploadProgress = (sentBytes: number) => void;

/** The operator API of one controller. */
export class Client {
  readonly url: string;
  readonly #token: string;
  readonly #authority: string | undefined;
  readonly #world: World;

  constructor(world: World, login: Login) {
    this.url = checkedUrl(login.url);
    this.#token = login.token;
    this.#authority = login.authority;
    this.#world = world;
  }

  /**
   * Calls one route.
   * @throws NanofleetError the controller's own error, CONTROLLER_UNREACHABLE, or INPUT_INVALID before anything is sent.
   */
  async call<R extends ApiRoute>(
    route: R,
    call: ApiCall<R> = {},
    onProgress?: UploadProgress,
  ): Promise<ApiAnswer<R>> {
    const { method, path, body, contentType } = httpCallOf(route, call);
    const isUpload = body instanceof Uint8Array;
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#token}`,
      accept: 'application/json',
    };
    if (contentType !== null) headers['content-type'] = contentType;
    const signal = this.#world.deadline(isUpload ? UPLOAD_DEADLINE_MS : HTTP_DEADLINE_MS);
    const url = `${this.url}${path}`;
    const response = await exchange({
      ...{ url, method, headers, body, signal },
      ...{ authority: this.#authority, onSent: onProgress },
    }).catch((thrown: unknown) => {
      throw this.#unreachable(`${method} ${path}`, thrown);
    });
    return apiAnswerOf(route, response);
  }

  #unreachable(tried: string, cause: unknown): NanofleetError {
    const text = `${tried} got no answer from ${this.url} (${reasonOf(cause)}).`;
    return new NanofleetError('CONTROLLER_UNREACHABLE', text, { cause });
  }
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.name === 'AbortError') return 'no answer in time';
  return 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : thrown.message;
}

/**
 * The base URL without a slash at its end.
 * @throws NanofleetError SETTING_INVALID, or URL_NOT_PRIVATE when a token would travel in the clear to another host.
 */
export function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new NanofleetError('SETTING_INVALID', `${JSON.stringify(text)} is no http or https URL.`);
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    const problem = `${url.origin} is plain HTTP to another host: the token could be read on the way. Use https.`;
    throw new NanofleetError('URL_NOT_PRIVATE', problem);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

const isLoopback = (hostname: string): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
};
