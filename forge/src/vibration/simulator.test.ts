// Behaviour of the simulated pump: what physics asks for shows in the samples, and a seed repeats them.
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../seeded-random.ts';
import { drawMachine } from './machine.ts';
import { CHANNELS, type Condition, PumpSimulator, RATE_HZ, SOUND, simulate } from './simulator.ts';

const machine = drawMachine(new SeededRandom(7, 'machine'));
const SECONDS = 8;

const run = (change: Partial<Condition> = {}): Float32Array =>
  simulate(new PumpSimulator(machine, new SeededRandom(7, 'run')), {
    seconds: SECONDS,
    conditionAt: () => ({ ...SOUND, ...change }),
  });

const channels = (values: Float32Array): number[][] =>
  CHANNELS.map((_, channel) => Array.from(values).filter((_value, at) => at % CHANNELS.length === channel));
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Power of all channels in a band of frequencies, by the discrete Fourier transform in steps of half a hertz. */
function power(values: Float32Array, [from, to]: readonly [number, number]): number {
  let sum = 0;
  for (const channel of channels(values)) {
    const level = mean(channel);
    for (let hz = from; hz <= to; hz += 0.5) {
      let [real, imaginary] = [0, 0];
      channel.forEach((value, at) => {
        real += (value - level) * Math.cos((2 * Math.PI * hz * at) / RATE_HZ);
        imaginary += (value - level) * Math.sin((2 * Math.PI * hz * at) / RATE_HZ);
      });
      sum += (real * real + imaginary * imaginary) / channel.length ** 2;
    }
  }
  return sum;
}

describe('PumpSimulator', () => {
  it('gives the same samples for the same seed, and others for another machine', () => {
    expect(run()).toEqual(run());
    const other = new PumpSimulator(drawMachine(new SeededRandom(8, 'machine')), new SeededRandom(7, 'run'));
    expect(simulate(other, { seconds: 1, conditionAt: () => SOUND })).not.toEqual(
      run().subarray(0, RATE_HZ * 3),
    );
  });

  it('feels one g of gravity whatever the mounting, and only noise besides when it stands still', () => {
    const still = channels(run({ running: 0 }));
    expect(Math.hypot(...still.map(mean))).toBeCloseTo(machine.sensorGain, 1);
    for (const channel of still) {
      const level = mean(channel);
      expect(Math.sqrt(mean(channel.map((value) => (value - level) ** 2)))).toBeLessThan(
        2 * machine.sensorNoise,
      );
    }
  });

  it('shows imbalance at the speed of the shaft and nowhere near the resonance', () => {
    const shaft = [machine.speedHz * (1 - machine.slip) - 0.5, machine.speedHz + 0.5] as const;
    const ringing = [machine.resonanceHz - 10, machine.resonanceHz + 10] as const;
    const [sound, unbalanced] = [run(), run({ imbalance: 0.3 })];
    expect(power(unbalanced, shaft)).toBeGreaterThan(5 * power(sound, shaft));
    expect(power(unbalanced, ringing)).toBeLessThan(1.2 * power(sound, ringing));
  });

  it.each(['outer', 'inner'] as const)('rings at the resonance when the %s race is damaged', (race) => {
    const ringing = [machine.resonanceHz - 15, machine.resonanceHz + 15] as const;
    expect(power(run({ bearingDamage: 0.6, race }), ringing)).toBeGreaterThan(5 * power(run(), ringing));
  });

  it('never gives more than the sensor can measure', () => {
    const wild = run({ imbalance: 50 });
    expect(wild.every((value) => Math.abs(value) <= 8)).toBe(true);
  });
});
