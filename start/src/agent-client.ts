/**
 * The local API of one agent, as any program on the device would use it: over its Unix socket, or over loopback HTTP
 * with the token file. Waits out an agent that is being started again; an answer of the agent, also an error, is final.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import {
  type AgentStatus,
  agentStatusSchema,
  type DecideRequest,
  type Decision,
  decisionSchema,
  errorOfProblem,
  type ItemAnswer,
  itemAnswerSchema,
  type LabelAnswer,
  type LabelRequest,
  LOCAL_PATHS,
  labelAnswerSchema,
  labelPath,
  NanofleetError,
  type SamplesAnswer,
  type SamplesRequest,
  samplesAnswerSchema,
  type TeachRequest,
} from '@nanofleet/protocol';
import { z } from 'zod';
import type { World } from './world.ts';

const RETRY_MS = 50;
const batchAnswerSchema = z.union([
  z.object({ items: z.array(itemAnswerSchema) }),
  z.array(itemAnswerSchema),
]);

/** Where an agent listens. */
export type AgentAddress =
  | { readonly socketPath: string }
  | { readonly port: number; readonly tokenFile: string };

/** One agent, seen from a program on its device. */
export class AgentClient {
  readonly #world: World;
  readonly #address: () => AgentAddress;
  readonly #patienceMs: number;
  #connections = new Agent({ keepAlive: true, maxSockets: 4 });
  /** Requests that broke because the agent went away in the middle, and were made again. */
  interrupted = 0;

  constructor(world: World, options: { address: () => AgentAddress; patienceMs: number }) {
    this.#world = world;
    this.#address = options.address;
    this.#patienceMs = options.patienceMs;
  }

  /** Closes idle connections. */
  close(): void {
    this.#connections.destroy();
  }

  async decide(question: DecideRequest): Promise<Decision> {
    return decisionSchema.parse(await this.#call('POST', LOCAL_PATHS.decide, question));
  }

  async decideBatch(texts: readonly string[]): Promise<ItemAnswer[]> {
    const answer = batchAnswerSchema.parse(await this.#call('POST', LOCAL_PATHS.batch, { texts }));
    return Array.isArray(answer) ? answer : answer.items;
  }

  async decision(id: string): Promise<Decision> {
    return decisionSchema.parse(await this.#call('GET', `${LOCAL_PATHS.decision}${id}`));
  }

  /** Says what would have been right for a decision. */
  async label(id: string, right: LabelRequest): Promise<LabelAnswer> {
    return labelAnswerSchema.parse(await this.#call('POST', labelPath(id), right));
  }

  /** Gives a text with its label by itself. */
  async teach(example: TeachRequest): Promise<LabelAnswer> {
    return labelAnswerSchema.parse(await this.#call('POST', LOCAL_PATHS.examples, example));
  }

  async samples(given: SamplesRequest): Promise<SamplesAnswer> {
    return samplesAnswerSchema.parse(await this.#call('POST', LOCAL_PATHS.samples, given));
  }

  async status(): Promise<AgentStatus> {
    return agentStatusSchema.parse(await this.#call('GET', LOCAL_PATHS.status));
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const begun = this.#world.ticks();
    for (;;) {
      const answer = await this.#once(method, path, body).catch((thrown: unknown) => {
        if (this.#world.ticks() - begun > this.#patienceMs) {
          const problem = `${method} ${path} got no answer from the agent (${String(thrown)}).`;
          throw new NanofleetError('LINK_UNAVAILABLE', problem, { cause: thrown });
        }
        return null;
      });
      if (answer !== null) return answered(answer);
      this.interrupted += 1;
      await this.#world.sleep(RETRY_MS);
    }
  }

  #once(method: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
    const address = this.#address();
    const payload = body === undefined ? '' : JSON.stringify(body);
    const headers: Record<string, string | number> = {
      host: 'localhost',
      'content-length': Buffer.byteLength(payload),
    };
    if (payload !== '') headers['content-type'] = 'application/json';
    if ('tokenFile' in address) {
      headers['authorization'] = `Bearer ${readFileSync(address.tokenFile, 'utf8').trim()}`;
      headers['host'] = `127.0.0.1:${address.port}`;
    }
    const where =
      'socketPath' in address
        ? { socketPath: address.socketPath }
        : { host: '127.0.0.1', port: address.port };
    return new Promise((resolve, reject) => {
      const call = request({ ...where, method, path, headers, agent: this.#connections }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      call.on('error', reject);
      call.end(payload);
    });
  }
}

function answered({ status, text }: { status: number; text: string }): unknown {
  const value: unknown = text === '' ? undefined : JSON.parse(text);
  if (status < 400) return value;
  throw (
    errorOfProblem(value) ??
    new NanofleetError('MESSAGE_MALFORMED', `The agent answered with status ${status}.`)
  );
}
