/**
 * A stand-in for a cloud provider on this machine: chat completions of OpenAI's protocol as server-sent events, on the
 * loopback, behind a key. There is no model in it; it says that it knows no label and names what it heard. The story
 * shows with it how a question travels, and says on the screen that it is a stand-in.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { assert } from '@nanofleet/protocol';
import { z } from 'zod';

/** Name under which it answers: nobody may take its answers for a model's. */
const MODEL = 'stand-in';
/** It guards nothing but a rule on the loopback; the controller will not ask without one. */
const KEY = 'stand-in-key';
const REQUEST_BYTES_MAX = 1_000_000;
const PIECE_CHARACTERS = 12;
const CHARACTERS_PER_TOKEN = 4;
/** Prices and budget that the controller reckons with, in USD per million tokens and per day. */
const MONEY = { pricePerMillion: { input: 0.15, output: 0.6 }, budgetPerDay: 1 };

const requestSchema = z.object({
  messages: z.array(z.object({ role: z.string(), content: z.string() })).min(1),
  response_format: z.object({
    json_schema: z.object({
      schema: z.object({ properties: z.object({ intent: z.object({ enum: z.array(z.string()).min(1) }) }) }),
    }),
  }),
});
type CompletionRequest = z.infer<typeof requestSchema>;

/** A running stand-in. */
export class StandInProvider {
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      serve(request, response).catch(() => response.destroy());
    });
  }

  /** Starts one on a free port. */
  static async start(): Promise<StandInProvider> {
    const provider = new StandInProvider();
    await new Promise<void>((resolve) => provider.#server.listen(0, '127.0.0.1', resolve));
    return provider;
  }

  /** Writes what a controller is told of it into a directory; the path of the provider file. */
  async describeIn(directory: string): Promise<string> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(join(directory, 'provider.key'), `${KEY}\n`, { mode: 0o600 });
    const path = join(directory, 'provider.json');
    const url = `http://127.0.0.1:${this.#port}/v1`;
    await writeFile(path, `${JSON.stringify({ url, model: MODEL, keyFile: 'provider.key', ...MONEY })}\n`);
    return path;
  }

  /** Ends it with its connections. */
  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  get #port(): number {
    const address: AddressInfo | string | null = this.#server.address();
    assert(address !== null && typeof address === 'object', 'the stand-in listens');
    return address.port;
  }
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.headers.authorization !== `Bearer ${KEY}`) return refuse(response, 401, 'invalid_api_key');
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions')
    return refuse(response, 404, 'unknown_url');
  const asked = requestSchema.safeParse(await bodyOf(request));
  if (!asked.success) return refuse(response, 400, 'invalid_request');
  stream(response, asked.data);
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > REQUEST_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return parsed(Buffer.concat(chunks).toString('utf8'));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The schema refuses it.
    return undefined;
  }
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  const error = { message: `Refused with status ${status}.`, type: 'invalid_request_error', code };
  response.end(JSON.stringify({ error }));
}

function stream(response: ServerResponse, request: CompletionRequest): void {
  const content = contentFor(request);
  const head = { id: 'chatcmpl-stand-in', object: 'chat.completion.chunk', created: 0, model: MODEL };
  const choice = (delta: object, finish: string | null = null) => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const send = (event: object): void => void response.write(`data: ${JSON.stringify(event)}\n\n`);
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  send(choice({ role: 'assistant', content: '' }));
  for (let at = 0; at < content.length; at += PIECE_CHARACTERS)
    send(choice({ content: content.slice(at, at + PIECE_CHARACTERS) }));
  send(choice({}, 'stop'));
  send({ ...head, choices: [], usage: usageOf(JSON.stringify(request.messages), content) });
  response.end('data: [DONE]\n\n');
}

function usageOf(input: string, output: string) {
  const tokens = (text: string): number => Math.ceil(text.length / CHARACTERS_PER_TOKEN);
  return {
    prompt_tokens: tokens(input),
    completion_tokens: tokens(output),
    total_tokens: tokens(input) + tokens(output),
  };
}

const sentenceSchema = z.object({ sentence: z.string() });

/** The last choice of the schema, which stands for no label, and a name out of the longest words. */
function contentFor({ messages, response_format: format }: CompletionRequest): string {
  const { enum: choices } = format.json_schema.schema.properties.intent;
  const asked = sentenceSchema.safeParse(parsed(messages[messages.length - 1]?.content ?? ''));
  const words: string[] = (asked.success ? asked.data.sentence : '').toLowerCase().match(/[a-z0-9]+/g) ?? [];
  const longest = words.toSorted((one, other) => other.length - one.length).slice(0, 2);
  const name = words.filter((word) => longest.includes(word)).join('_') || 'something';
  const reply = `A stand-in heard ${name.replaceAll('_', ' ')}; a real provider would answer here.`;
  return JSON.stringify({ intent: choices[choices.length - 1], proposed: name, entities: [], reply });
}
