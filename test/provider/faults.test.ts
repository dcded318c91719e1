// The faults of Failover Bench, as far as they are of one provider, against the cloud tier: real sockets, real SQL, a clock
// that the test moves. Number 14, a fallback that refuses what the first provider had begun, cannot be: each attempt is a
// whole request. Each call is in the audit with what it cost.
import { openTestCloud, type TestCloud } from '@nanofleet/controller/testing';
import { eventually, ManualClock, makeSeededRandom } from '@nanofleet/runtime/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Behaviour } from './behaviour.ts';
import { isAnswer, KNOWN, LABELS, questionAt, settingsFor, whileTimePasses } from './parts/questions.ts';
import { contentFor } from './rule.ts';
import { TestProvider } from './server.ts';

let provider: TestProvider;
let cloud: TestCloud;
const clock = new ManualClock(Date.parse('2026-11-25T10:00:00Z'));

beforeAll(async () => {
  provider = await TestProvider.start({ clock });
  cloud = await openTestCloud('embedded');
});
afterEach(() => provider.reset());
afterAll(async () => {
  await cloud.close();
  await provider.close();
});

const makeService = (change: Parameters<typeof settingsFor>[1] = {}) =>
  cloud.service(settingsFor(provider, change), { clock, random: makeSeededRandom(11) });

/** Asks once under some behaviours, and reads the audit of that question when it is booked. */
const askUnder = async (...behaviours: Behaviour[]) => {
  provider.script(...behaviours);
  const question = questionAt(clock);
  const begunMs = clock.unixMs();
  const outcome = await whileTimePasses(clock, makeService().ask(question));
  const calls = await eventually(async () => {
    const rows = await cloud.repository.calls({ decision: question.decision, limit: 10 });
    expect(rows.map(({ state }) => state)).not.toContain('open');
    return rows.toReversed();
  });
  return { outcome, calls, question, tookMs: clock.unixMs() - begunMs };
};

const busy = (headers: Record<string, string> = {}): Behaviour => ({
  is: 'error',
  status: 429,
  code: 'rate_limit_exceeded',
  type: 'requests',
  headers,
});
const failing = (status: number): Behaviour => ({ is: 'error', status });
const HEAD_PIECES = 4;
/** Pieces of eight characters until the reply has begun. */
const REPLY_PIECES = 10;

describe('a question is answered all the same', () => {
  it.each<[string, Behaviour[], number]>([
    ['1: busy once, with Retry-After', [busy({ 'retry-after': '2' })], 2],
    ['1: busy once, with retry-after-ms', [busy({ 'retry-after-ms': '300' })], 2],
    ['2: busy twice without a time', [busy(), busy()], 3],
    ['3: a failure once', [failing(500)], 2],
    ['4: unavailable twice', [failing(503), failing(503)], 3],
    ['5: the connection ends before the headers', [{ is: 'reset' }], 2],
    ['8: a stream that is cut before the reply began', [{ is: 'cut', after: HEAD_PIECES }], 2],
    ['8: a stream that ends in order, but without its end', [{ is: 'end', after: HEAD_PIECES }], 2],
    ['10: an event that is no JSON', [{ is: 'malformed', after: HEAD_PIECES }], 2],
    [
      'overloaded inside a stream that began well',
      [{ is: 'error-inside', after: 2, code: 'overloaded_error' }],
      2,
    ],
    ['11: a stream without [DONE]', [{ is: 'answer', hasDone: false }], 1],
    ['an answer that is not of the form', [{ is: 'answer', content: '{"intent":"open_door"}' }], 2],
    [
      'one JSON though a stream was asked for',
      [{ is: 'raw', status: 200, type: 'application/json', body: whole() }],
      1,
    ],
  ])('%s', async (_title, behaviours, attempts) => {
    const { calls, outcome, question } = await askUnder(...behaviours);
    expect(outcome).toMatchObject({ label: 'weather', proposed: null, model: 'test-model' });
    expect(question.replied.join('')).toBe(isAnswer(outcome) ? outcome.reply : '');
    expect(calls.map(({ attempt, state }) => [attempt, state])).toEqual(
      Array.from({ length: attempts }, (_, index) => [
        index + 1,
        index + 1 === attempts ? 'answered' : 'failed',
      ]),
    );
    expect(provider.requests).toHaveLength(attempts);
  });

  it('1: not before the time that the provider states', async () => {
    const { tookMs } = await askUnder(busy({ 'retry-after': '7' }));
    expect(tookMs).toBeGreaterThanOrEqual(7_000);
  });
});

describe('a question ends with a code', () => {
  it.each<[string, Behaviour[], string, number]>([
    ['2: busy for longer than the deadline', [busy({ 'retry-after': '300' })], 'PROVIDER_BUSY', 1],
    ['4: unavailable all the time', [failing(503), failing(503), failing(503)], 'PROVIDER_FAILED', 3],
    ['6: silence', [{ is: 'stall', at: 'headers' }], 'PROVIDER_TIMEOUT', 1],
    ['7: no content in time', [{ is: 'stall', at: 'content' }], 'PROVIDER_TIMEOUT', 1],
    [
      '8: a stream that is cut within the reply',
      [{ is: 'cut', after: REPLY_PIECES }],
      'PROVIDER_STREAM_BROKEN',
      1,
    ],
    ['9: a stream that stalls', [{ is: 'stall', at: 'stream', after: 9 }], 'PROVIDER_TIMEOUT', 1],
    [
      '12: too long for the model',
      [{ is: 'error', status: 400, code: 'context_length_exceeded' }],
      'PROVIDER_CONTEXT_TOO_LONG',
      1,
    ],
    [
      '13: refused for its content',
      [{ is: 'error', status: 400, code: 'content_filter' }],
      'PROVIDER_CONTENT_FILTERED',
      1,
    ],
    [
      '13: stopped for its content',
      [{ is: 'answer', finish: 'content_filter' }],
      'PROVIDER_CONTENT_FILTERED',
      1,
    ],
    ['a key that is refused', [{ is: 'error', status: 401, code: 'invalid_api_key' }], 'PROVIDER_REFUSED', 1],
    [
      'an address that leads elsewhere, where the key must not go',
      [{ is: 'error', status: 307, headers: { location: '/v1/chat/completions' } }],
      'PROVIDER_REFUSED',
      1,
    ],
    ['a request that is refused', [{ is: 'error', status: 400 }], 'PROVIDER_REQUEST_INVALID', 1],
    [
      'an answer that is too long for its bound',
      [{ is: 'answer', finish: 'length' }],
      'PROVIDER_ANSWER_INVALID',
      1,
    ],
    [
      'no answer of the form, three times',
      Array.from({ length: 3 }, (): Behaviour => ({ is: 'answer', content: 'sunny' })),
      'PROVIDER_ANSWER_INVALID',
      3,
    ],
  ])('%s', async (_title, behaviours, code, attempts) => {
    const { calls, outcome } = await askUnder(...behaviours);
    expect(outcome).toMatchObject({ code });
    expect(calls.map(({ state }) => state)).toEqual(Array.from({ length: attempts }, () => 'failed'));
    expect(calls.at(-1)?.code).toBe(code);
  });

  it('6: silence takes the time to the first content, 9: a stall the time between pieces, and upstream ends', async () => {
    const silence = await askUnder({ is: 'stall', at: 'headers' });
    expect(silence.tookMs).toBeLessThan(11_000);
    const stall = await askUnder({ is: 'stall', at: 'stream', after: 9 });
    expect(stall.tookMs).toBeLessThan(7_000);
    await eventually(() => expect(provider.requests.map(({ isAborted }) => isAborted)).toEqual([true, true]));
  });

  it('what was replied before is never said again, and never taken back', async () => {
    const { question, calls } = await askUnder({ is: 'cut', after: REPLY_PIECES });
    expect(contentFor(provider.requests[0]?.body)).toContain(question.replied.join(''));
    expect(question.replied.join('')).not.toBe('');
    expect(calls).toHaveLength(1);
  });

  it('of its own deadline when that is nearer than the times of the provider, which does not count against that', async () => {
    provider.always = { is: 'stall', at: 'headers' };
    const service = makeService();
    for (let turn = 0; turn < 6; turn += 1) {
      const question = questionAt(clock, { expiresAt: clock.unixMs() + 500 });
      expect(await whileTimePasses(clock, service.ask(question))).toMatchObject({ code: 'PROVIDER_TIMEOUT' });
    }
    expect((await service.shown()).provider?.circuit).toBe('closed');
  });
});

it('15: while the provider is down it is left alone, one question at a time tries it, and all are answered soon after', async () => {
  const service = makeService({ deadlineMs: 4_000, attempts: 1 });
  const begunMs = clock.unixMs();
  const downMs = 60_000;
  provider.always = failing(503);
  const codes: string[] = [];
  for (let turn = 0; turn < 20; turn += 1) {
    const outcome = await whileTimePasses(clock, service.ask(questionAt(clock)), { stepMs: 100 });
    codes.push(isAnswer(outcome) ? 'answered' : String(Reflect.get(outcome, 'code')));
    clock.advance(Math.max(0, begunMs + ((turn + 1) * downMs) / 20 - clock.unixMs()));
  }
  expect(new Set(codes)).toEqual(new Set(['PROVIDER_FAILED', 'PROVIDER_PAUSED']));
  const asked = provider.requests.length;
  expect(asked).toBeLessThan(15);
  provider.always = { is: 'answer' };
  const { provider: health } = await service.shown();
  clock.advance(Math.max(0, (health?.opensAt ?? 0) - clock.unixMs()));
  const after = await whileTimePasses(
    clock,
    Promise.all(Array.from({ length: 10 }, () => service.ask(questionAt(clock)))),
  );
  expect(after).toHaveLength(10);
  expect((await service.shown()).provider).toMatchObject({ circuit: 'closed', opensAt: null });
});

describe('16: what was spent', () => {
  it('is what the provider states, also for attempts that failed; errors cost nothing', async () => {
    const before = (await cloud.repository.days())[0];
    const { calls } = await askUnder(failing(500), { is: 'answer' });
    const [failed, answered] = calls;
    expect(failed).toMatchObject({ state: 'failed', code: 'PROVIDER_FAILED', status: 500, costMicros: 0 });
    expect(answered).toMatchObject({ state: 'answered', status: 200, code: null, isEstimated: false });
    const [input, output] = [answered?.inputTokens ?? 0, answered?.outputTokens ?? 0];
    expect(answered?.costMicros).toBe(input + 2 * output);
    const after = (await cloud.repository.days())[0];
    expect((after?.spent ?? 0) - (before?.spent ?? 0)).toBe(answered?.costMicros);
    expect(after?.reserved).toBe(before?.reserved);
  });

  it('is an estimate, and says so, when the provider states nothing or the answer broke off; never nothing', async () => {
    for (const behaviour of [
      { is: 'answer', hasUsage: false },
      { is: 'cut', after: REPLY_PIECES },
      { is: 'stall', at: 'content' },
    ] as const) {
      const { calls } = await askUnder(behaviour);
      expect(calls[0]).toMatchObject({ isEstimated: true });
      expect(calls[0]?.costMicros).toBeGreaterThan(0);
      expect(calls[0]?.costMicros).toBeLessThan(calls[0]?.reservedMicros ?? 0);
    }
  });

  it('stands in rows without a word of the text, with a hash that only this controller can make', async () => {
    const { calls, question } = await askUnder({ is: 'answer' });
    const row = JSON.stringify(calls[0]);
    for (const word of ['boston', 'sunny', provider.key]) expect(row).not.toContain(word);
    expect(calls[0]?.requestHash).toMatch(/^[0-9a-f]{64}$/);
    expect(calls[0]?.redacted).toEqual({ email: 1 });
    const again = await askUnder({ is: 'answer' });
    expect(again.calls[0]?.requestHash).toBe(calls[0]?.requestHash);
    expect(question.text).toBe(KNOWN);
    expect(cloud.logged.join('')).not.toMatch(/boston|test-key/);
  });
});

it('a service that ends ends its calls upstream', async () => {
  provider.always = { is: 'stall', at: 'headers' };
  const service = makeService();
  const asked = whileTimePasses(clock, service.ask(questionAt(clock)), { stepMs: 0 });
  await eventually(() => expect(provider.requests).toHaveLength(1));
  await service.onModuleDestroy();
  expect(await asked).toMatchObject({ code: 'OFFLOAD_EXPIRED' });
  await eventually(() => expect(provider.requests[0]?.isAborted).toBe(true));
});

it('a provider that cannot be connected to is told apart', async () => {
  const gone = await TestProvider.start({ clock });
  const settings = settingsFor(gone);
  await gone.close();
  const service = cloud.service(settings, { clock, random: makeSeededRandom(3) });
  expect(await whileTimePasses(clock, service.ask(questionAt(clock)))).toMatchObject({
    code: 'PROVIDER_UNREACHABLE',
  });
});

/** A chat completion in one piece. */
function whole(): string {
  const content = JSON.stringify({ intent: LABELS[1], proposed: null, entities: [], reply: 'Sunny.' });
  return JSON.stringify({
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
    usage: { prompt_tokens: 9, completion_tokens: 9 },
  });
}
