// A whole round on each database with devices that are played: what it makes, what it refuses and says so, what a controller that dies
// between any two commits leaves behind.
import {
  type BodyOf,
  type LineId,
  makeUuid,
  type RoundPlan,
  UPDATE_BYTES_MAX,
  type Uuid,
} from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { expect, it, vi } from 'vitest';
import { openDatabase } from '../db/open-database.ts';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import { RoundFleet } from '../testing/round-fleet.ts';
import type { TestDevice } from '../testing/test-device.ts';

const LINE = 'intent' as LineId;
/** The head of the household model: its width and its labels. */
const [WIDTH, LABELS] = [288, 168];
const ELEMENTS = (WIDTH + 1) * LABELS;

/** Dies after so many commits, as the process would: from then on nothing is stored. */
const fault = { commitsLeft: Number.POSITIVE_INFINITY, isDead: false };

const open: typeof openDatabase = async (wanted, unique) => {
  const opened = await openDatabase(wanted, unique);
  const transaction = opened.database.transaction.bind(opened.database);
  opened.database.transaction = (async (work: Parameters<typeof transaction>[0]) => {
    if (fault.isDead) throw Object.assign(new TypeError('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const result = await transaction(work);
    fault.commitsLeft -= 1;
    fault.isDead = fault.commitsLeft <= 0;
    return result;
  }) as typeof transaction;
  return opened;
};

const results = (device: TestDevice): BodyOf<'round/result'>[] => device.bodies('round/result');

/** Takes part as a device does: on the plan it accepts and sends its update. */
const takePart = async (
  fleet: RoundFleet,
  round: Uuid,
  { device, code }: { device: TestDevice; code: number },
) => {
  const plan = await fleet.planFor(device, round);
  await device.sendRound(round, 'accept', { examples: 10 });
  await device.sendUpdate(round, fleet.update(code, plan));
};

const whole = (controller: GetController): void => {
  it('asks the devices, averages what they send, and makes an unsigned candidate', async () => {
    const fleet = await RoundFleet.of(controller(), { group: 'whole', devices: 3, version: '1.0.0' });
    const round = await fleet.start();
    for (const [at, device] of fleet.devices.entries()) {
      const plan = await fleet.planFor(device, round);
      expect(plan).toMatchObject({ line: 'intent', base: fleet.bundle.digest, noise: 0, masked: false });
      await device.sendRound(round, 'accept', { examples: 10 });
      await device.sendUpdate(round, fleet.update(at + 1, plan));
    }
    const done = await fleet.until(round, 'candidate', 'failed');
    expect(done).toMatchObject({
      status: 'candidate',
      turn: 1,
      problem: null,
      counts: { asked: 3, updates: 3, refused: 0, declined: 0 },
      examples: 30,
    });
    expect(done.averageNorm).toBeCloseTo(2e-5 * Math.sqrt(ELEMENTS), 6);
    expect(done.devices.map(({ state }) => state)).toEqual(['updated', 'updated', 'updated']);
    const candidate = await controller().call('candidate', { params: { digest: done.candidate ?? '' } });
    expect(candidate).toMatchObject({
      version: '1.0.0-round.1',
      parent: fleet.bundle.digest,
      isReleased: false,
    });
    for (const device of fleet.devices) {
      await eventually(() =>
        expect(results(device).at(-1)).toMatchObject({ status: 'candidate', candidate: done.candidate }),
      );
    }
  });
};

const turns = (controller: GetController): void => {
  it('goes on where the round before ended, with the labels that came since', async () => {
    const fleet = await RoundFleet.of(controller(), { group: 'series', devices: 2, version: '1.1.0' });
    const before = await fleet.start();
    for (const device of fleet.devices) await takePart(fleet, before, { device, code: 5 });
    await fleet.until(before, 'candidate');
    await controller().call('addIntent', { params: { line: LINE }, body: { name: 'dim' } });
    const [first] = fleet.devices;
    if (first === undefined) return;
    await eventually(() =>
      expect(first.desired?.lines[LINE]?.labels).toEqual({ version: 2, added: ['dim'] }),
    );
    const round = await fleet.start();
    const plan = await fleet.planFor(first, round);
    expect(plan).toMatchObject({
      labels: { version: 2, added: ['dim'] },
      tensors: ['head.weight.added', 'head.bias.added'],
      start: { bytes: 12 + 4 * ELEMENTS },
    });
    const blob = await fetch(`${controller().url}/device/blobs/${plan.start?.digest}`, {
      headers: { authorization: `Bearer ${first.bearer}` },
    });
    expect([blob.status, (await blob.arrayBuffer()).byteLength]).toEqual([200, 12 + 4 * ELEMENTS]);
    for (const device of fleet.devices) await takePart(fleet, round, { device, code: 1 });
    const done = await fleet.until(round, 'candidate', 'failed');
    expect(done).toMatchObject({ status: 'candidate', turn: 2 });
    const { digest, labelsVersion } = await controller().call('candidate', {
      params: { digest: done.candidate ?? '' },
    });
    expect([digest, labelsVersion]).toEqual([done.candidate, 2]);
    await controller().call('dropIntent', { params: { line: LINE, name: 'dim' } });
  });

  it('fails without a quorum, is one at a time, and ends when an operator ends it', async () => {
    const fleet = await RoundFleet.of(controller(), { group: 'alone', devices: 2, version: '1.2.0' });
    const round = await fleet.start();
    await expect(fleet.start()).rejects.toMatchObject({ code: 'ROUND_RUNNING' });
    for (const device of fleet.devices) {
      await fleet.planFor(device, round);
      await device.sendRound(round, 'accept', { examples: 0, code: 'ROUND_DECLINED' });
    }
    const failed = await fleet.until(round, 'failed');
    expect(failed).toMatchObject({ problem: { code: 'QUORUM_MISSED' } });
    // The first refusal already puts the quorum out of reach.
    expect(failed.counts.declined).toBeGreaterThan(0);
    const second = await fleet.start();
    for (const device of fleet.devices) await fleet.planFor(device, second);
    const ended = await controller().call('abortRound', { params: { id: second } });
    expect(ended).toMatchObject({ status: 'aborted', candidate: null });
    const told = () => fleet.devices.map((device) => results(device).at(-1)?.status);
    await eventually(() => expect(told()).toEqual(['failed', 'failed']));
  });
};

type Broken = (fleet: RoundFleet, plan: RoundPlan) => Uint8Array;
const patched =
  (at: number, ...values: number[]): Broken =>
  (fleet, plan) => {
    const bytes = fleet.update(1, plan);
    bytes.set(values, at);
    return bytes;
  };

const REFUSED: readonly [string, string, Broken][] = [
  ['no update at all', 'UPDATE_MALFORMED', () => Uint8Array.of(1, 2, 3)],
  ['a scale that is no number', 'UPDATE_NOT_FINITE', patched(52, 0x7f, 0xc0, 0, 0)],
  ['a code that may not be', 'UPDATE_MALFORMED', patched(64, 0x80)],
  ['another base', 'UPDATE_BASE_WRONG', patched(4, 0, 0, 0, 0)],
  ['another label list', 'UPDATE_BASE_WRONG', (fleet, plan) => fleet.update(1, plan, { labelsVersion: 9 })],
  [
    'another size',
    'UPDATE_SHAPE_WRONG',
    (fleet, plan) => fleet.update(1, plan, { tensors: [{ scale: 1, codes: new Int8Array(7) }] }),
  ],
  ['no example', 'EXAMPLES_TOO_FEW', (fleet, plan) => fleet.update(1, plan, { examples: 0 })],
  ['more than any update', 'UPDATE_TOO_LARGE', () => new Uint8Array(UPDATE_BYTES_MAX + 1)],
];

const refusals = (controller: GetController): void => {
  it('refuse with a code, tell the device, count it, and leave it out', async () => {
    const fleet = await RoundFleet.of(controller(), {
      group: 'refused',
      devices: REFUSED.length + 2,
      version: '2.0.0',
    });
    const round = await fleet.start();
    const [broken, good] = [fleet.devices.slice(2), fleet.devices.slice(0, 2)];
    for (const [at, device] of broken.entries()) {
      const plan = await fleet.planFor(device, round);
      const [title, code, make] = REFUSED[at] ?? ['', '', () => new Uint8Array()];
      await device.sendUpdate(round, make(fleet, plan));
      await eventually(() =>
        expect([title, results(device).at(-1)?.status, results(device).at(-1)?.code]).toEqual([
          title,
          'refused',
          code,
        ]),
      );
    }
    const [first, second] = good;
    if (first === undefined || second === undefined) return;
    await takePart(fleet, round, { device: first, code: 3 });
    await eventually(async () => {
      const { counts } = await controller().call('round', { params: { id: round } });
      expect(counts.updates).toBe(1);
    });
    await takePart(fleet, round, { device: first, code: 120 });
    await eventually(() => expect(results(first).at(-1)?.code).toBe('UPDATE_DUPLICATE'));
    await takePart(fleet, round, { device: second, code: 3 });
    const done = await fleet.until(round, 'candidate', 'failed');
    expect(done.counts).toMatchObject({ updates: 2, refused: REFUSED.length + 1 });
    expect(done.averageNorm).toBeCloseTo(3e-5 * Math.sqrt(ELEMENTS), 6);
    const states = done.devices.filter(({ state }) => state === 'refused').map(({ code }) => code);
    const codes = REFUSED.map(([, code]) => code);
    expect(states).toHaveLength(codes.length);
    expect(new Set(states)).toEqual(new Set(codes));
    const late = await fleet.planFor(second, round);
    await second.sendUpdate(round, fleet.update(1, late));
    await eventually(() => expect(results(second).at(-1)?.code).toBe('UPDATE_DUPLICATE'));
    const nobody = makeUuid(1, new Uint8Array(10));
    await second.sendUpdate(nobody, fleet.update(1, late));
    await eventually(() => expect(results(second).at(-1)?.code).toBe('ROUND_UNKNOWN'));
  });

  it('bound what a device claims: examples by the cap, length by the clip norm', async () => {
    const fleet = await RoundFleet.of(controller(), { group: 'bounds', devices: 2, version: '2.1.0' });
    const round = await fleet.start({ examplesMax: 10, clipNorm: 1 });
    const [liar, honest] = fleet.devices;
    if (liar === undefined || honest === undefined) return;
    const plan = await fleet.planFor(liar, round);
    const tensors = [ELEMENTS - LABELS, LABELS].map((count) => ({
      scale: 1e30,
      codes: new Int8Array(count).fill(1),
    }));
    await liar.sendUpdate(round, fleet.update(1, plan, { examples: 4_000_000_000, tensors }));
    await fleet.planFor(honest, round);
    await honest.sendUpdate(round, fleet.update(0, plan, { examples: 10 }));
    const done = await fleet.until(round, 'candidate', 'failed');
    expect(done).toMatchObject({ status: 'candidate', examples: 20 });
    expect(done.averageNorm).toBeCloseTo(0.5, 4);
  });
};

/** Commits of a round of two devices: selection, two acceptances, two updates, average, candidate, told. */
const COMMITS = 8;

const deaths = (controller: GetController): void => {
  it.each(Array.from({ length: COMMITS }, (_, at) => at + 1))(
    'survives a controller that dies after commit %d',
    async (commit) => {
      const fleet = await RoundFleet.of(controller(), {
        group: `death-${commit}`,
        devices: 2,
        version: `3.${commit}.0`,
      });
      fault.commitsLeft = commit;
      const round = await fleet.start({ updatesMax: 2, overSelection: 1 });
      const playing = (): Promise<unknown> =>
        Promise.allSettled(
          fleet.devices.map((device, at) => takePart(fleet, round, { device, code: at + 1 })),
        );
      void playing();
      await eventually(() => expect(fault.isDead).toBe(true));
      await controller().halt();
      Object.assign(fault, { commitsLeft: Number.POSITIVE_INFINITY, isDead: false });
      await controller().run();
      for (const device of fleet.devices) device.heard.length = 0;
      await fleet.connect();
      await Promise.race([playing(), fleet.until(round, 'candidate', 'failed')]);
      const done = await fleet.until(round, 'candidate', 'failed');
      expect(done).toMatchObject({ status: 'candidate', counts: { asked: 2, updates: 2 }, examples: 20 });
      expect(done.averageNorm).toBeCloseTo(1.5e-5 * Math.sqrt(ELEMENTS), 7);
      const { items } = await controller().call('candidates');
      expect(items.filter((candidate) => candidate.round === round)).toHaveLength(1);
    },
  );
};

vi.setConfig({ testTimeout: 120_000 });
onEachDatabase('a federated round', [whole, turns, refusals, deaths], { open });
