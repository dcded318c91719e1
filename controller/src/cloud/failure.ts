/**
 * What can go wrong with one call, and what follows: whether it is tried again, when, and what it says of the provider's
 * health. Pure; never waits. Nothing that the provider wrote is quoted: its messages may quote the text.
 */
import { type ErrorCode, NanofleetError } from '@nanofleet/protocol';

/** `soon`: after a growing wait. `when-free`: when the provider says so. `never`: another try cannot help or may harm. */
export type Retry = 'soon' | 'when-free' | 'never';

/** `good`: the provider did answer, only not with what was wanted. */
export type Health = 'good' | 'bad' | 'unknown';

/** One failed call. */
export class ProviderFailure extends NanofleetError {
  readonly retry: Retry;
  /** HTTP status, when there was one. */
  readonly httpStatus: number | null;
  /** How long the provider asks to be left alone, milliseconds. */
  readonly retryAfterMs: number | null;
  /** What it says of the provider's health. */
  readonly health: Health;

  constructor(
    code: ErrorCode,
    message: string,
    given: {
      retry: Retry;
      status?: number | undefined;
      retryAfterMs?: number | null;
      health: Health;
      cause?: unknown;
    },
  ) {
    super(code, message, given.cause === undefined ? {} : { cause: given.cause });
    this.retry = given.retry;
    this.httpStatus = given.status ?? null;
    this.retryAfterMs = given.retryAfterMs ?? null;
    this.health = given.health;
  }
}

/** Headers by lower-case name. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A longer wait than this is no wait within a question. */
const RETRY_AFTER_MAX_MS = 3_600_000;

/** `retry-after-ms`, else `retry-after` in seconds or as a date (RFC 9110, 10.2.3); null when neither says anything. */
export const retryAfterOf = (headers: Headers, nowMs: number): number | null => {
  const one = (name: string): string | undefined => [headers[name]].flat()[0];
  const exact = Number(one('retry-after-ms') ?? Number.NaN);
  const stated = one('retry-after');
  const seconds = Number(stated ?? Number.NaN) * 1_000;
  const date = stated === undefined ? Number.NaN : Date.parse(stated) - nowMs;
  const found = [exact, seconds, date].find((wait) => Number.isFinite(wait));
  return found === undefined ? null : Math.min(RETRY_AFTER_MAX_MS, Math.max(0, Math.ceil(found)));
};

/** Type and code in an error of OpenAI's form: `{"error":{"message","type","param","code"}}`. */
const wordsOf = (body: unknown): string => {
  const error: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'error') : undefined;
  if (typeof error !== 'object' || error === null) return '';
  return [Reflect.get(error, 'code'), Reflect.get(error, 'type')]
    .filter((word) => typeof word === 'string' || typeof word === 'number')
    .join(' ')
    .toLowerCase();
};

const final = (code: ErrorCode, message: string, status: number, health: Health = 'good') =>
  new ProviderFailure(code, message, { retry: 'never', status, health });

/** The failure behind a status that is no success. `body` is the parsed body, or anything else. */
export const failureOfStatus = (answer: {
  status: number;
  headers: Headers;
  body: unknown;
  nowMs: number;
}): ProviderFailure => {
  const { status, headers, body, nowMs } = answer;
  const words = wordsOf(body);
  const said = `The provider answered with status ${status}.`;
  const retryAfterMs = retryAfterOf(headers, nowMs);
  if (words.includes('insufficient_quota'))
    return final('PROVIDER_REFUSED', `${said} The account there has no credit left.`, status, 'bad');
  if (status === 429 || words.includes('rate_limit') || words.includes('overloaded')) {
    const given = { retry: 'when-free', status, retryAfterMs, health: 'bad' } as const;
    return new ProviderFailure('PROVIDER_BUSY', said, given);
  }
  if (words.includes('content_filter') || words.includes('content_policy'))
    return final('PROVIDER_CONTENT_FILTERED', said, status);
  if (words.includes('context_length')) return final('PROVIDER_CONTEXT_TOO_LONG', said, status);
  if (status === 408) return final('PROVIDER_TIMEOUT', said, status, 'bad');
  if (status >= 500) {
    const given = { retry: 'soon', status, retryAfterMs, health: 'bad' } as const;
    return new ProviderFailure('PROVIDER_FAILED', said, given);
  }
  const isRefused = status < 400 || [401, 402, 403, 404, 405].includes(status);
  if (isRefused) return final('PROVIDER_REFUSED', said, status, 'bad');
  return final('PROVIDER_REQUEST_INVALID', said, status);
};

/** The connection could not be made, or ended before any answer. */
export const unreachable = (cause: unknown): ProviderFailure => {
  const word = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no code';
  // The route is silent, or there is none: asking the same again only takes the time of the question.
  const isSilent = word === 'UND_ERR_CONNECT_TIMEOUT';
  const given = { retry: isSilent ? 'never' : 'soon', health: 'bad', cause } as const;
  return isSilent
    ? new ProviderFailure('PROVIDER_TIMEOUT', 'The provider could not be connected to in time.', given)
    : new ProviderFailure('PROVIDER_UNREACHABLE', `The provider could not be reached (${word}).`, given);
};

/** A time passed; a route that is silent is not asked again. */
export const timedOut = (what: string, given: { health: Health }): ProviderFailure =>
  new ProviderFailure('PROVIDER_TIMEOUT', `The provider sent ${what}.`, { retry: 'never', ...given });

/** The answer ended before its end, or holds bytes that are no part of one. */
export const broken = (why: string, cause?: unknown): ProviderFailure =>
  new ProviderFailure('PROVIDER_STREAM_BROKEN', `The answer of the provider broke off: ${why}.`, {
    retry: 'soon',
    health: 'bad',
    cause,
  });

/** The answer is whole, but not of the form asked for. */
export const answerInvalid = (why: string): ProviderFailure =>
  new ProviderFailure('PROVIDER_ANSWER_INVALID', `The answer of the provider was not taken: ${why}.`, {
    retry: 'soon',
    health: 'good',
  });

/** The provider keeps its answer back. */
export const filtered = (): ProviderFailure =>
  new ProviderFailure('PROVIDER_CONTENT_FILTERED', 'The provider does not answer this for its content.', {
    retry: 'never',
    health: 'good',
  });

/** The failure that an event inside a stream tells, after a status that promised success. */
export const failureInStream = (event: unknown, nowMs: number): ProviderFailure => {
  const error: unknown =
    typeof event === 'object' && event !== null ? Reflect.get(event, 'error') : undefined;
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
  const number = Number(code);
  const status = Number.isInteger(number) && number >= 400 && number < 600 ? number : 500;
  return failureOfStatus({ status, headers: {}, body: event, nowMs });
};
