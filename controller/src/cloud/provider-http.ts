/**
 * The way to the provider: one pool of connections, request bytes out, answer bytes in, by undici (30 µs per call where the
 * official client takes 573). Owns connecting; times and meaning are its caller's. Never follows a redirect: the key would
 * go along.
 */
import { PROVIDER_CALLS_IN_WORK_MAX } from '@nanofleet/protocol';
import { Pool } from 'undici';
import type { Headers } from './failure.ts';
import type { ProviderSettings } from './provider-settings.ts';

/** The beginning of an answer, and its bytes as they come. */
export interface ProviderResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
}

/** An open way to a provider. */
export interface ProviderHttp {
  /** Posts a request for a chat completion; rejects when the connection fails or the signal is aborted. */
  post(body: Uint8Array, signal: AbortSignal): Promise<ProviderResponse>;
  close(): Promise<void>;
}

/** Opens the way; nothing is connected before the first request. */
export const openProviderHttp = (settings: ProviderSettings): ProviderHttp => {
  const base = new URL(settings.url);
  const path = `${base.pathname.replace(/\/+$/, '')}/chat/completions`;
  const pool = new Pool(base.origin, {
    connections: PROVIDER_CALLS_IN_WORK_MAX,
    connect: { timeout: settings.connectMs },
    // The caller bounds silence by its own clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const headers = {
    accept: 'text/event-stream, application/json',
    authorization: `Bearer ${settings.key}`,
    'content-type': 'application/json',
  };
  return {
    post: async (body, signal) => {
      const answer = await pool.request({ method: 'POST', path, headers, body, signal });
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    },
    close: () => pool.destroy(),
  };
};
