/**
 * The messages that the embedded broker retains, found by their levels: aedes' own store compares a filter with every topic
 * that it has, for each subscription. Owns finding and forgetting them; who may hear one is judged elsewhere.
 */
import { Readable } from 'node:stream';
import type { AedesPublishPacket } from 'aedes';

/** Messages whose topics begin alike (MQTT 3.1.1, 4.7). */
interface Level {
  readonly below: Map<string, Level>;
  packet: AedesPublishPacket | null;
}

/** What of aedes' store is about retained messages. */
export interface RetainedStore {
  storeRetained(packet: AedesPublishPacket): Promise<void>;
  createRetainedStream(filter: string): Readable;
  createRetainedStreamCombi(filters: readonly string[]): Readable;
}

const makeLevel = (): Level => ({ below: new Map(), packet: null });

const isEmpty = ({ below, packet }: Level): boolean => packet === null && below.size === 0;

/** Retained messages, the newest of each topic. */
export class RetainedMessages {
  readonly #root = makeLevel();

  /** Keeps a message in place of the one before; an empty one forgets it (MQTT 3.1.1, 3.3.1.3). */
  keep(packet: AedesPublishPacket): void {
    if (packet.payload.length === 0) this.#forget(packet.topic.split('/'), this.#root);
    else this.#at(packet.topic).packet = { ...packet };
  }

  /** The messages of topics that a filter covers, each once. */
  matching(filter: string): Iterable<AedesPublishPacket> {
    return below(this.#root, filter.split('/'), true);
  }

  #at(topic: string): Level {
    let level = this.#root;
    for (const name of topic.split('/')) {
      const next = level.below.get(name) ?? makeLevel();
      level.below.set(name, next);
      level = next;
    }
    return level;
  }

  #forget([name, ...names]: readonly string[], level: Level): void {
    if (name === undefined) {
      level.packet = null;
      return;
    }
    const next = level.below.get(name);
    if (next === undefined) return;
    this.#forget(names, next);
    if (isEmpty(next)) level.below.delete(name);
  }
}

/** @param isFirst topics that begin with $ are covered by no wildcard there (MQTT 3.1.1, 4.7.2) */
function* below(
  level: Level,
  [name, ...names]: readonly string[],
  isFirst: boolean,
): Generator<AedesPublishPacket> {
  if (name === undefined || name === '#') {
    if (level.packet !== null) yield level.packet;
    if (name === undefined) return;
  }
  const rest = name === '#' ? ['#'] : names;
  for (const next of nextLevels(level, { name, isFirst })) yield* below(next, rest, false);
}

const nextLevels = (level: Level, { name, isFirst }: { name: string; isFirst: boolean }): Level[] => {
  if (name !== '+' && name !== '#') {
    const next = level.below.get(name);
    return next === undefined ? [] : [next];
  }
  return [...level.below].flatMap(([at, next]) => (isFirst && at.startsWith('$') ? [] : [next]));
};

/** Makes a store of aedes keep its retained messages so. */
export const findByLevels = (store: RetainedStore): void => {
  const retained = new RetainedMessages();
  const all = function* (filters: readonly string[]): Generator<AedesPublishPacket> {
    for (const filter of filters) yield* retained.matching(filter);
  };
  store.storeRetained = (packet) => Promise.resolve(retained.keep(packet));
  store.createRetainedStream = (filter) => Readable.from(all([filter]));
  store.createRetainedStreamCombi = (filters) => Readable.from(all(filters));
};
