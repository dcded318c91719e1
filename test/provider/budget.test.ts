// The budget of a day: never passed, by no number of calls at once, of one controller or of two.
import { databaseKinds, openTestCloud, type TestCloud } from '@nanofleet/controller/testing';
import { PROVIDER_DEADLINE_MAX_MS } from '@nanofleet/protocol';
import { newId } from '@nanofleet/runtime/ports';
import { eventually, ManualClock, makeSeededRandom } from '@nanofleet/runtime/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAnswer, questionAt, settingsFor, whileTimePasses } from './parts/questions.ts';
import { TestProvider } from './server.ts';

const CALLS = 128;
const DAY_MS = 86_400_000;
const START = Date.parse('2026-11-25T12:00:00Z');

describe.each(databaseKinds())('the budget of a day (%s)', (kind) => {
  let provider: TestProvider;
  let cloud: TestCloud;
  const clock = new ManualClock(START);
  const random = makeSeededRandom(5);
  const make = (budgetPerDay: number) =>
    cloud.service(settingsFor(provider, { budgetPerDay, attempts: 1 }), { clock, random });
  const today = async () => (await cloud.repository.days())[0];

  beforeAll(async () => {
    provider = await TestProvider.start({ clock });
    cloud = await openTestCloud(kind);
  });
  afterAll(async () => {
    await cloud.close();
    await provider.close();
  });

  /** What one call reserves. */
  const worstOfOne = async (): Promise<number> => {
    await whileTimePasses(clock, make(1e9).ask(questionAt(clock)));
    const [call] = await cloud.repository.calls({ limit: 1 });
    return call?.reservedMicros ?? 0;
  };

  it('covers as many calls at once as it can pay at most, whoever makes them, and not one more', async () => {
    const worst = await worstOfOne();
    const spent = (await today())?.spent ?? 0;
    const budget = spent + 5 * worst + Math.floor(worst / 2);
    provider.always = { is: 'stall', at: 'headers' };
    const [one, other] = [make(budget), make(budget)];
    const asked = Array.from({ length: CALLS }, (_, index) =>
      (index % 2 === 0 ? one : other).ask(questionAt(clock)).then(
        () => 'answered',
        (thrown: { code: string }) => thrown.code,
      ),
    );
    await eventually(() => expect(provider.requests.length).toBeGreaterThanOrEqual(6));
    const during = await today();
    expect((during?.spent ?? 0) + (during?.reserved ?? 0)).toBeLessThanOrEqual(budget);
    const codes = await whileTimePasses(clock, Promise.all(asked));
    const count = (code: string) =>
      (codes instanceof Error ? [] : codes).filter((given) => given === code).length;
    expect([count('BUDGET_SPENT'), count('PROVIDER_TIMEOUT')]).toEqual([CALLS - 5, 5]);
    // Six: one of them to know the price.
    expect(provider.requests).toHaveLength(6);
    await eventually(async () => expect((await today())?.reserved).toBe(0));
    expect((await today())?.spent).toBeLessThanOrEqual(budget);
  });

  it('begins anew with the day of UTC, and a call is booked on the day on which it began', async () => {
    provider.always = { is: 'answer' };
    const before = (await today())?.spent ?? 0;
    const poor = make(before);
    expect(await whileTimePasses(clock, poor.ask(questionAt(clock)), { stepMs: 0 })).toMatchObject({
      code: 'BUDGET_SPENT',
    });
    clock.advance(Math.ceil((clock.unixMs() + 1) / DAY_MS) * DAY_MS - clock.unixMs());
    const rich = make(1e9);
    expect(
      isAnswer((await whileTimePasses(clock, rich.ask(questionAt(clock)), { stepMs: 0 })) as never),
    ).toBe(true);
    await eventually(async () =>
      expect(await today()).toMatchObject({ day: '2026-11-26', reserved: 0, calls: 1 }),
    );
    expect((await rich.shown()).days[0]).toMatchObject({ day: '2026-11-25', spentMicros: before });
  });

  it('counts a call that a stop left open as what it could cost at most, once nobody can work on it', async () => {
    const id = newId(clock, random);
    const { device, decision } = questionAt(clock);
    const at = clock.unixMs();
    const call = {
      ...{ id, at, device, decision, day: '2026-11-26', attempt: 1, target: 't', model: 'm' },
      ...{ reservedMicros: 77, requestHash: '', redacted: {} },
    };
    const spent = (await today())?.spent ?? 0;
    expect(await cloud.repository.reserve(call, 1e9)).toBe(true);
    const service = make(1e9);
    await service.resume();
    expect((await today())?.reserved).toBe(77);
    clock.advance(2 * PROVIDER_DEADLINE_MAX_MS + 1);
    await service.resume();
    expect(await today()).toMatchObject({ reserved: 0, spent: spent + 77 });
    const late = {
      ...({ id, state: 'answered', status: 200, code: null, milliseconds: 1, firstMilliseconds: 1 } as const),
      ...{ inputTokens: 1, outputTokens: 1, isEstimated: false, costMicros: 3 },
    };
    await cloud.repository.settle([late, late]);
    expect(await today()).toMatchObject({ reserved: 0, spent: spent + 77 });
  });
});
