/**
 * A provider for tests that speaks OpenAI's protocol over a real socket: chat completions as JSON and as server-sent
 * events, models, keys, errors in their form, and, told request by request, every way in which real ones fail. Answers by
 * a rule, not by a model. Never listens on anything but the loopback.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, pause } from '@nanofleet/runtime/ports';
import type { Behaviour } from './behaviour.ts';
import { contentFor } from './rule.ts';

/** What a request was, as the server saw it. */
export interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Readonly<Record<string, unknown>>;
  /** Whether the other side had gone before the answer was whole. */
  isAborted: boolean;
}

/** What a provider is started with. */
export interface ProviderOptions {
  readonly clock: Clock;
  readonly key?: string;
  readonly models?: readonly string[];
  /** 0, the default, takes a free one. */
  readonly port?: number;
}

/** Words of a second at which all ids are made: answers are the same each time. */
const CREATED = 1_795_000_000;
const CHARACTERS_PER_TOKEN = 4;

const tokensOf = (text: string): number => Math.ceil(text.length / CHARACTERS_PER_TOKEN);

/** A running provider. */
export class TestProvider {
  readonly key: string;
  readonly requests: SeenRequest[] = [];
  readonly #models: readonly string[];
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #script: Behaviour[] = [];
  #always: Behaviour = { is: 'answer' };

  private constructor({ clock, key = 'test-key', models = ['test-model'] }: ProviderOptions) {
    this.#clock = clock;
    this.key = key;
    this.#models = models;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  /** Starts one. */
  static async start(options: ProviderOptions): Promise<TestProvider> {
    const provider = new TestProvider(options);
    await new Promise<void>((resolve) => {
      provider.#server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return provider;
  }

  /** Base of its API. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  /** Its port. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What becomes of the next chat completions, one each; then they are answered again. */
  script(...behaviours: Behaviour[]): void {
    this.#script.push(...behaviours);
  }

  /** What becomes of each chat completion that no script is for. */
  set always(behaviour: Behaviour) {
    this.#always = behaviour;
  }

  /** Forgets requests and scripts. */
  reset(): void {
    this.requests.length = 0;
    this.#script.length = 0;
    this.#always = { is: 'answer' };
  }

  /** Ends it with all its connections. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    response.setHeader('x-request-id', `req_${this.requests.length}`);
    if (request.headers.authorization !== `Bearer ${this.key}`) {
      return sendError(response, { status: 401, type: 'invalid_request_error', code: 'invalid_api_key' });
    }
    if (request.method === 'GET' && path === '/v1/models') return this.#listModels(response);
    if (request.method !== 'POST' || path !== '/v1/chat/completions')
      return sendError(response, { status: 404, type: 'invalid_request_error', code: 'unknown_url' });
    const body = await readBody(request);
    if (body === null) return sendError(response, { status: 400, type: 'invalid_request_error' });
    const seen = { path, headers: request.headers, body, isAborted: false };
    this.requests.push(seen);
    response.on('close', () => {
      seen.isAborted = !response.writableFinished;
    });
    const wrong = this.#wrongIn(body);
    if (wrong !== null) return sendError(response, wrong);
    await this.#behave(this.#script.shift() ?? this.#always, body, response);
  }

  #listModels(response: ServerResponse): void {
    const data = this.#models.map((id) => ({ id, object: 'model', created: CREATED, owned_by: 'nanofleet' }));
    sendJson(response, 200, { object: 'list', data });
  }

  #wrongIn(body: Readonly<Record<string, unknown>>): ApiError | null {
    const { messages, model } = body;
    const type = 'invalid_request_error';
    if (typeof model !== 'string') return { status: 400, type, param: 'model' };
    if (!this.#models.includes(model)) return { status: 404, type, code: 'model_not_found', param: 'model' };
    return Array.isArray(messages) && messages.length > 0 ? null : { status: 400, type, param: 'messages' };
  }

  async #behave(
    behaviour: Behaviour,
    body: Readonly<Record<string, unknown>>,
    response: ServerResponse,
  ): Promise<void> {
    switch (behaviour.is) {
      case 'error': {
        const { code, headers = {}, status, type = 'server_error' } = behaviour;
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
        return sendError(response, { status, type, ...(code === undefined ? {} : { code }) });
      }
      case 'raw':
        response.writeHead(behaviour.status, { 'content-type': behaviour.type });
        response.end(behaviour.body);
        return;
      case 'reset':
        response.socket?.resetAndDestroy();
        return;
      case 'answer':
        return body['stream'] === true
          ? this.#stream(behaviour, body, response)
          : this.#answer(behaviour, body, response);
      default:
        if (behaviour.is === 'stall' && behaviour.at === 'headers') return;
        return this.#stream(behaviour, body, response);
    }
  }

  async #answer(
    behaviour: Extract<Behaviour, { is: 'answer' }>,
    body: Readonly<Record<string, unknown>>,
    response: ServerResponse,
  ): Promise<void> {
    await this.#wait(behaviour.firstMs);
    const content = behaviour.content ?? contentFor(body);
    const message = { role: 'assistant', content, refusal: null };
    const choice = { index: 0, message, logprobs: null, finish_reason: behaviour.finish ?? 'stop' };
    const usage = behaviour.hasUsage === false ? {} : { usage: usageOf(body, content) };
    sendJson(response, 200, { ...headOf(body, 'chat.completion'), choices: [choice], ...usage });
  }

  /** A stream as far as its behaviour lets it come. */
  async #stream(
    behaviour: Behaviour,
    body: Readonly<Record<string, unknown>>,
    response: ServerResponse,
  ): Promise<void> {
    const answer = behaviour.is === 'answer' ? behaviour : ({ is: 'answer' } as const);
    const content = answer.content ?? contentFor(body);
    const head = headOf(body, 'chat.completion.chunk');
    const choice = (delta: object, finish: string | null = null) => ({
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    });
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    });
    sendEvent(response, choice({ role: 'assistant', content: '', refusal: null }));
    if (behaviour.is === 'stall' && behaviour.at === 'content') return;
    await this.#wait(answer.firstMs);
    for (const [count, piece] of piecesOf(content, answer.piece ?? 8).entries()) {
      if ('after' in behaviour && behaviour.after === count) return interrupt(behaviour, response);
      if (count > 0) await this.#wait(answer.betweenMs);
      if (response.destroyed) return;
      sendEvent(response, choice({ content: piece }));
    }
    sendEvent(response, choice({}, answer.finish ?? 'stop'));
    if (answer.hasUsage !== false && wantsUsage(body))
      sendEvent(response, { ...head, choices: [], usage: usageOf(body, content) });
    response.end(answer.hasDone === false ? '' : 'data: [DONE]\n\n');
  }

  async #wait(milliseconds = 0): Promise<void> {
    if (milliseconds > 0) await pause(this.#clock, milliseconds);
  }
}

/** How a stream ends before its end. */
const interrupt = (behaviour: Behaviour, response: ServerResponse): void => {
  // What was written before must have gone out: it is a part of the fault.
  if (behaviour.is === 'cut') response.write(':\n\n', () => response.destroy());
  else if (behaviour.is === 'end') response.end();
  else if (behaviour.is === 'malformed') {
    response.write('data: {"choices":[{"delta":{"con\n\n');
    response.end('data: [DONE]\n\n');
  } else if (behaviour.is === 'error-inside') {
    sendEvent(response, {
      error: { message: 'The server is overloaded.', type: behaviour.code, code: null },
    });
    response.end();
  }
};

interface ApiError {
  readonly status: number;
  readonly type: string;
  readonly code?: string;
  readonly param?: string;
}

const sendJson = (response: ServerResponse, status: number, value: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
};

const sendError = (response: ServerResponse, { code, param, status, type }: ApiError): void =>
  sendJson(response, status, {
    error: { message: `Refused with status ${status}.`, type, param: param ?? null, code: code ?? null },
  });

const sendEvent = (response: ServerResponse, event: object): void => {
  response.write(`data: ${JSON.stringify(event)}\n\n`);
};

const headOf = (body: Readonly<Record<string, unknown>>, object: string) => ({
  id: 'chatcmpl-1',
  object,
  created: CREATED,
  model: body['model'],
  system_fingerprint: null,
});

const wantsUsage = ({ stream_options: options }: Readonly<Record<string, unknown>>): boolean =>
  typeof options === 'object' && options !== null && Reflect.get(options, 'include_usage') === true;

const usageOf = (body: Readonly<Record<string, unknown>>, content: string) => {
  const [input, output] = [tokensOf(JSON.stringify(body['messages'])), tokensOf(content)];
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
};

const piecesOf = (content: string, length: number): string[] =>
  Array.from({ length: Math.ceil(content.length / length) }, (_, index) =>
    content.slice(index * length, (index + 1) * length),
  );

/** The object in a request's body; null when there is none. */
const readBody = async (request: IncomingMessage): Promise<Record<string, unknown> | null> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
};
