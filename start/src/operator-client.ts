/**
 * The operator API of the started controller, with the first admin token. Waits out a controller that is being started
 * again; never hides an error that the controller answered.
 */
import {
  type ApiAnswer,
  type ApiCall,
  type ApiRoute,
  apiAnswerOf,
  HTTP_DEADLINE_MS,
  httpCallOf,
  NanofleetError,
} from '@nanofleet/protocol';
import type { World } from './world.ts';

const RETRY_MS = 150;
const PAGE_ROWS = 500;

/** Calls of routes; each is tried again for so long as nobody listens. */
export class OperatorClient {
  readonly #url: () => string;
  readonly #token: string;
  readonly #world: World;
  readonly #patienceMs: number;

  constructor(world: World, options: { url: () => string; token: string; patienceMs: number }) {
    this.#world = world;
    this.#url = options.url;
    this.#token = options.token;
    this.#patienceMs = options.patienceMs;
  }

  /**
   * One call.
   * @throws NanofleetError what the controller answered, or CONTROLLER_UNREACHABLE when the patience is over.
   */
  async call<R extends ApiRoute>(route: R, call: ApiCall<R> = {}): Promise<ApiAnswer<R>> {
    const begun = this.#world.ticks();
    for (;;) {
      try {
        return await this.#once(route, call);
      } catch (thrown) {
        const isOver = this.#world.ticks() - begun > this.#patienceMs;
        if (isOver || !(thrown instanceof NanofleetError) || !thrown.isRetryable) throw thrown;
        await this.#world.sleep(RETRY_MS);
      }
    }
  }

  async #once<R extends ApiRoute>(route: R, call: ApiCall<R>): Promise<ApiAnswer<R>> {
    const { method, path, body, contentType } = httpCallOf(route, call);
    const headers: Record<string, string> = { authorization: `Bearer ${this.#token}` };
    if (contentType !== null) headers['content-type'] = contentType;
    const url = this.#url();
    const signal = this.#world.deadline(HTTP_DEADLINE_MS);
    const response = await fetch(`${url}${path}`, { method, headers, body, signal }).then(
      async (answer) => ({ status: answer.status, body: await answer.text() }),
      (cause: unknown) => {
        const problem = `${method} ${path} got no answer from ${url}.`;
        throw new NanofleetError('CONTROLLER_UNREACHABLE', problem, { cause });
      },
    );
    return apiAnswerOf(route, response);
  }

  /** Position of the newest event, 0 when there is none; found by halving, for a log may be long. */
  async newestPosition(): Promise<number> {
    const isBehind = async (after: number): Promise<boolean> =>
      (await this.call('events', { query: { after, limit: 1 } })).items.length > 0;
    let high = 1;
    while (await isBehind(high - 1)) high *= 2;
    let low = Math.floor(high / 2);
    while (low < high - 1) {
      const middle = Math.floor((low + high) / 2);
      if (await isBehind(middle - 1)) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Every event after a position, in order of arrival. */
  async eventsAfter(position: number, type: string): Promise<ApiAnswer<'events'>['items']> {
    const found: ApiAnswer<'events'>['items'] = [];
    let after = position;
    for (;;) {
      const { items } = await this.call('events', { query: { after, limit: PAGE_ROWS, type } });
      found.push(...items);
      if (items.length < PAGE_ROWS) return found;
      after = items.at(-1)?.position ?? after;
    }
  }
}
