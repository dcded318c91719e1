/**
 * One call of the provider: sends the request, watches the times, gives pieces of content as they come, and at the end
 * what the call was. Every way in which it fails is a ProviderFailure. Never retries and never looks into the content.
 */
import { PROVIDER_ANSWER_BYTES_MAX } from '@nanofleet/protocol';
import type { CancelTimer, Clock } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import type { Usage } from './cost.plan.ts';
import { eventsOf } from './event-stream.ts';
import {
  answerInvalid,
  broken,
  failureInStream,
  failureOfStatus,
  filtered,
  ProviderFailure,
  timedOut,
  unreachable,
} from './failure.ts';
import type { ProviderHttp, ProviderResponse } from './provider-http.ts';
import type { ProviderSettings } from './provider-settings.ts';

/** Bytes of an error's body that are looked at. */
const ERROR_BYTES_MAX = 16_384;

/** What a call has brought so far; kept up to date, for a call that fails is booked, too. */
export interface CallRecord {
  status: number | null;
  usage: Usage | null;
  contentBytes: number;
  /** Milliseconds from the request to the first content. */
  firstMs: number | null;
  /** Whether the request may have reached a model, so that it costs. */
  isSent: boolean;
}

/** A record before its call. */
export const newRecord = (): CallRecord => ({
  status: null,
  usage: null,
  contentBytes: 0,
  firstMs: null,
  isSent: false,
});

/** What a call needs. */
export interface CallOptions {
  readonly clock: Clock;
  readonly http: ProviderHttp;
  readonly settings: ProviderSettings;
  readonly body: Uint8Array;
  /** Time left of the question, milliseconds. */
  readonly remainingMs: number;
  /** Ends the call from outside. */
  readonly signal: AbortSignal;
  readonly record: CallRecord;
}

const choiceSchema = z.object({
  finish_reason: z.string().nullish(),
  delta: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }).nullish(),
  message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }).nullish(),
});
const usageSchema = z.object({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) });
/** An event of a stream, or a whole answer: of both only what counts. */
const chunkSchema = z.object({
  choices: z.array(choiceSchema),
  usage: usageSchema.nullish(),
});

/** Aborts the request when a time passes, and remembers which. */
class Watch {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #outer: AbortSignal;
  readonly #cancelDeadline: CancelTimer;
  #cancelPhase: CancelTimer = () => undefined;
  failure: ProviderFailure | null = null;

  constructor({ clock, remainingMs, settings, signal }: CallOptions) {
    this.#clock = clock;
    this.#outer = signal;
    // A question that comes with little time left says nothing about the provider.
    const health = remainingMs >= settings.firstMs ? 'bad' : 'unknown';
    this.#cancelDeadline = clock.after(remainingMs, () =>
      this.#end(timedOut('no whole answer before the deadline of the question', { health })),
    );
    signal.addEventListener('abort', this.#abort, { once: true });
    if (signal.aborted) this.#abort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Begins the next stretch of time; the one before is over. */
  phase(milliseconds: number, what: string): void {
    this.#cancelPhase();
    this.#cancelPhase = this.#clock.after(milliseconds, () => this.#end(timedOut(what, { health: 'bad' })));
  }

  close(): void {
    this.#cancelPhase();
    this.#cancelDeadline();
    this.#outer.removeEventListener('abort', this.#abort);
    // Whatever is left of the answer is not wanted: undici closes the connection if it is not whole.
    this.#controller.abort();
  }

  readonly #abort = (): void =>
    this.#end(
      new ProviderFailure('OFFLOAD_EXPIRED', 'Nobody waits for the answer any more.', {
        retry: 'never',
        health: 'unknown',
      }),
    );

  #end(failure: ProviderFailure): void {
    this.failure ??= failure;
    this.#controller.abort();
  }
}

/**
 * Calls the provider. Yields pieces of the content in order; ends when the answer is whole.
 * @throws ProviderFailure and nothing else
 */
export async function* callProvider(options: CallOptions): AsyncGenerator<string> {
  const watch = new Watch(options);
  try {
    yield* converse(options, watch);
  } catch (thrown) {
    if (watch.failure !== null) throw watch.failure;
    if (thrown instanceof ProviderFailure) throw thrown;
    throw options.record.status === null ? unreachable(thrown) : broken('the connection ended', thrown);
  } finally {
    watch.close();
  }
}

async function* converse(options: CallOptions, watch: Watch): AsyncGenerator<string> {
  const { clock, http, record, settings, body } = options;
  const begun = clock.monotonicMicros();
  watch.phase(settings.firstMs, `no content within ${settings.firstMs} ms`);
  record.isSent = true;
  const response = await http.post(body, watch.signal).catch((thrown: unknown) => {
    if (hasNotConnected(thrown)) record.isSent = false;
    throw thrown;
  });
  record.status = response.status;
  if (response.status !== 200) {
    // An error is not charged.
    record.isSent = false;
    throw failureOfStatus({ ...response, body: await errorBodyOf(response), nowMs: clock.unixMs() });
  }
  const type = String([response.headers['content-type']].flat()[0] ?? '');
  const pieces = type.includes('json') ? wholeAnswer(options, response) : streamedAnswer(options, response);
  for await (const piece of pieces) {
    record.firstMs ??= (clock.monotonicMicros() - begun) / 1_000;
    record.contentBytes += Buffer.byteLength(piece);
    watch.phase(settings.idleMs, `nothing for ${settings.idleMs} ms within its answer`);
    yield piece;
  }
}

const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

const hasNotConnected = (thrown: unknown): boolean =>
  thrown instanceof Error && 'code' in thrown && NOT_CONNECTED.has(String(thrown.code));

/** The first bytes of an error, parsed; what is no JSON says nothing. */
const errorBodyOf = async ({ body }: ProviderResponse): Promise<unknown> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > ERROR_BYTES_MAX) return null;
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    // A page of some proxy; the status says enough.
    return null;
  }
};

async function* streamedAnswer(
  { clock, record }: CallOptions,
  response: ProviderResponse,
): AsyncGenerator<string> {
  let finish: string | null = null;
  for await (const data of eventsOf(response.body, { bytesMax: PROVIDER_ANSWER_BYTES_MAX })) {
    if (data === '[DONE]') break;
    const event = readEvent(data, clock.unixMs());
    finish = finishOf(event) ?? finish;
    record.usage = usageOf(event) ?? record.usage;
    const piece = contentOf(event);
    if (piece !== '') yield piece;
  }
  // The end of the bytes alone is none of the answer: a proxy that loses its server ends them just so.
  if (finish === null) throw broken('it ended without a finish_reason');
  checkFinish(finish);
}

async function* wholeAnswer(
  { clock, record }: CallOptions,
  response: ProviderResponse,
): AsyncGenerator<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > PROVIDER_ANSWER_BYTES_MAX)
      throw broken(`it has more than ${PROVIDER_ANSWER_BYTES_MAX} bytes`);
  }
  const event = readEvent(Buffer.concat(chunks).toString('utf8'), clock.unixMs());
  record.usage = usageOf(event);
  checkFinish(finishOf(event) ?? 'none');
  yield contentOf(event);
}

type Chunk = z.output<typeof chunkSchema>;

/** An event that cannot be read may have held content: an answer with a hole is none. */
const readEvent = (data: string, nowMs: number): Chunk => {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    // The parser's message would quote the answer.
    throw broken('an event is not JSON');
  }
  if (typeof value === 'object' && value !== null && Reflect.get(value, 'error'))
    throw failureInStream(value, nowMs);
  const parsed = chunkSchema.safeParse(value);
  if (!parsed.success) throw broken('an event is no part of a chat completion');
  return parsed.data;
};

const usageOf = ({ usage }: Chunk): Usage | null =>
  usage === null || usage === undefined
    ? null
    : { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens };

const finishOf = ({ choices }: Chunk): string | null => choices[0]?.finish_reason ?? null;

const contentOf = ({ choices }: Chunk): string => {
  const said = choices[0]?.delta ?? choices[0]?.message;
  if (typeof said?.refusal === 'string' && said.refusal !== '') throw filtered();
  return said?.content ?? '';
};

const checkFinish = (finish: string): void => {
  if (finish === 'content_filter') throw filtered();
  if (finish === 'length') throw answerInvalid('it is longer than outputTokensMax allows');
  if (finish !== 'stop') throw answerInvalid('it did not end by itself');
};
