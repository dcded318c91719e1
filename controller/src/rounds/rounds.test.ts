// A whole round on each database with devices that are played: what it makes, what it refuses, what a restart leaves.
import { expect, it, vi } from 'vitest';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import { RoundFleet } from '../testing/round-fleet.ts';

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
    const elements = 256 * 150 + 150;
    expect(done.averageNorm).toBeCloseTo(2e-5 * Math.sqrt(elements), 6);
    expect(done.devices.map(({ state }) => state)).toEqual(['updated', 'updated', 'updated']);
    const candidate = await controller().call('candidate', { params: { digest: done.candidate ?? '' } });
    expect(candidate).toMatchObject({
      version: '1.0.0-round.1',
      parent: fleet.bundle.digest,
      isReleased: false,
    });
    for (const device of fleet.devices) {
      await vi.waitFor(() =>
        expect(device.bodies('round/result').at(-1)).toMatchObject({
          status: 'candidate',
          candidate: done.candidate,
        }),
      );
    }
  });
};

onEachDatabase('a federated round', [whole]);
