import type { AedesPublishPacket } from 'aedes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RetainedMessages } from './retained-messages.ts';

const message = (topic: string, text = 'x'): AedesPublishPacket =>
  ({ cmd: 'publish', topic, payload: Buffer.from(text), qos: 1, retain: true }) as AedesPublishPacket;

/** MQTT 3.1.1, 4.7, as its own sentences say it. */
const isCovered = ([first, ...rest]: readonly string[], [name, ...names]: readonly string[]): boolean => {
  if (name === '#') return true;
  if (first === undefined || name === undefined) return first === name;
  return (name === '+' || name === first) && isCovered(rest, names);
};
const covers = (filter: string, topic: string): boolean =>
  !(topic.startsWith('$') && /^[+#]/u.test(filter)) && isCovered(topic.split('/'), filter.split('/'));

const level = fc.constantFrom('', 'a', 'b', '$c');
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.constantFrom([], ['#']))
  .map((parts) => parts.flat().join('/'))
  .filter((filter) => filter !== '');
const changes = fc.array(fc.tuple(topics, fc.constantFrom('', 'old', 'new')), { maxLength: 30 });

describe('retained messages', () => {
  it('are the newest of each topic that a filter covers, and no emptied one', () => {
    fc.assert(
      fc.property(changes, filters, (all, filter) => {
        const retained = new RetainedMessages();
        const newest = new Map<string, string>();
        for (const [topic, text] of all) {
          retained.keep(message(topic, text));
          newest.set(topic, text);
        }
        const found = [...retained.matching(filter)].map(
          ({ payload, topic }) => `${topic} ${payload.toString()}`,
        );
        const wanted = [...newest].filter(([topic, text]) => text !== '' && covers(filter, topic));
        expect(found.sort()).toEqual(wanted.map(([topic, text]) => `${topic} ${text}`).sort());
      }),
      { seed: 41, numRuns: 2_000 },
    );
  });
});
