import { type Beat, decodeMessage, encodeMessage, type Message, wholeBeat } from '@nanofleet/protocol';
import { expect, it } from 'vitest';
import { LeanBeats } from './lean-beats.ts';

const NONE = { records: 0, dropped: 0, expired: 0 };
const FIVE_MINUTES_MS = 300_000;
const running = { version: '1.0.0', digest: 'a'.repeat(64), releaseCounter: 1 };
const beatOf = (changes: Partial<Beat> = {}): Beat =>
  ({
    session: 7,
    instance: '0123456789abcdef',
    uptimeS: 300,
    cpuShare: 0,
    rssBytes: 90_000_000,
    decisions: { total: 5, sure: 3, unsure: 1, outOfScope: 1 },
    decisionMicros: { p50: 0, p95: 0, p99: 0 },
    offloadShare: 0.2,
    outbox: { offload: NONE, event: NONE, decision: NONE },
    lines: { intent: running, vibration: running },
    problems: [],
    ...changes,
  }) as Beat;

/** A beat over the wire. */
const travelled = (beats: LeanBeats, beat: Beat) => {
  const message = { kind: 'beat', device: 'porch', at: 1_764_218_700_000, body: beats.next(beat) } as Message;
  const bytes = encodeMessage(message);
  return { bytes: bytes.length, body: decodeMessage(bytes).body as Parameters<typeof wholeBeat>[0] };
};

it('leaves out what has not changed, and the controller knows it all the same', () => {
  const beats = new LeanBeats(FIVE_MINUTES_MS);
  const [first, second] = [beatOf(), beatOf({ uptimeS: 600, problems: ['DISK_FULL'] })];
  const known = wholeBeat(travelled(beats, first).body, null);
  expect(known).toEqual(first);
  const { body } = travelled(beats, second);
  expect(Object.keys(body).toSorted()).toEqual(['instance', 'problems', 'session', 'uptimeS']);
  expect(wholeBeat(body, known)).toEqual(second);
});

it('is a sign of life of at most 140 bytes when nothing has changed', () => {
  const beats = new LeanBeats(FIVE_MINUTES_MS);
  travelled(beats, beatOf());
  expect(travelled(beats, beatOf({ uptimeS: 600 })).bytes).toBeLessThanOrEqual(140);
});

it('says everything at the first beat of a session, and again after hours', () => {
  const beats = new LeanBeats(FIVE_MINUTES_MS);
  travelled(beats, beatOf());
  expect(beats.next(beatOf({ session: 8 }))).toEqual(beatOf({ session: 8 }));
  const sent = Array.from({ length: 72 }, () => beats.next(beatOf({ session: 8 })));
  expect(sent.filter(({ lines }) => lines !== undefined).length).toBe(1);
});

it('leaves nothing out where beats are frequent', () => {
  const beats = new LeanBeats(5_000);
  beats.next(beatOf());
  expect(beats.next(beatOf())).toEqual(beatOf());
});

it('is not completed by a beat of another session', () => {
  const beats = new LeanBeats(FIVE_MINUTES_MS);
  beats.next(beatOf());
  const { body } = travelled(beats, beatOf());
  expect(wholeBeat(body, beatOf({ session: 6 }))).toBeNull();
  expect(wholeBeat(body, beatOf({ instance: 'f'.repeat(16) }))).toBeNull();
});
