// Owns signals that are no condition of a pump: a sensor in somebody's hand, knocks, a loose cable. The network learns to
// be sure of nothing on some kinds; the others are only for judging whether that carries over to what it never saw.
import { SeededRandom } from '../seeded-random.ts';
import { CHANNELS, RATE_HZ } from './simulator.ts';
import { cut } from './windows.ts';

const SECONDS = 4;

/** Kinds that the network may learn from. */
export const KNOWN_KINDS = ['handled', 'knocked'] as const;
/** Kinds that only judge. */
export const UNSEEN_KINDS = ['loose-cable', 'rattling'] as const;
/** A kind of disturbance. */
export type DisturbanceKind = (typeof KNOWN_KINDS)[number] | (typeof UNSEEN_KINDS)[number];

/** Windows of disturbances; runs of different seeds share nothing. */
export function drawDisturbances(options: {
  readonly seed: number;
  readonly kinds: readonly DisturbanceKind[];
  readonly runsOfEach: number;
}): Float32Array[] {
  const { seed, kinds, runsOfEach } = options;
  const runs = Array.from({ length: runsOfEach }, (_, run) => run);
  return kinds.flatMap((kind) => runs.flatMap((run) => cut(signal(kind, new SeededRandom(seed, kind, run)))));
}

function signal(kind: DisturbanceKind, random: SeededRandom): Float32Array {
  const values = new Float32Array(SECONDS * RATE_HZ * CHANNELS.length);
  for (let channel = 0; channel < CHANNELS.length; channel += 1) {
    const next = source(kind, random);
    for (let at = channel; at < values.length; at += CHANNELS.length)
      values[at] = Math.min(8, Math.max(-8, next()));
  }
  return values;
}

function source(kind: DisturbanceKind, random: SeededRandom): () => number {
  switch (kind) {
    case 'handled':
      return handled(random);
    case 'knocked':
      return knocked(random);
    case 'loose-cable':
      return looseCable(random);
    case 'rattling':
      return rattling(random);
  }
}

// A hand moves with a few hertz and one or two g.
function handled(random: SeededRandom): () => number {
  const strength = 0.3 + 1.5 * random.uniform();
  const waves = Array.from({ length: 4 }, () => ({
    hz: 1 + 6 * random.uniform(),
    phase: 6 * random.uniform(),
  }));
  let at = 0;
  return () => {
    at += 1;
    const sway = waves.reduce(
      (sum, { hz, phase }) => sum + Math.sin((2 * Math.PI * hz * at) / RATE_HZ + phase),
      0,
    );
    return 0.6 * strength * sway + 0.01 * random.normal();
  };
}

// Rare hard blows on a machine that stands still.
function knocked(random: SeededRandom): () => number {
  const [hz, decay] = [60 + 100 * random.uniform(), 0.97 + 0.02 * random.uniform()];
  let [strength, at] = [0, 0];
  return () => {
    at += 1;
    strength = random.uniform() < 3 / RATE_HZ ? 2 + 5 * random.uniform() : strength * decay;
    return strength * Math.sin((2 * Math.PI * hz * at) / RATE_HZ) + 0.01 * random.normal();
  };
}

// Jumps between full scale and nothing.
function looseCable(random: SeededRandom): () => number {
  let level = 0;
  return () => {
    if (random.uniform() < 20 / RATE_HZ) level = random.uniform() < 0.5 ? 0 : 8 * (2 * random.uniform() - 1);
    return level + 0.02 * random.normal();
  };
}

// A loose cover that beats against the housing: dense blows of any strength with a high ring.
function rattling(random: SeededRandom): () => number {
  const [hz, rate] = [120 + 150 * random.uniform(), 150 + 200 * random.uniform()];
  let [strength, at] = [0, 0];
  return () => {
    at += 1;
    strength = random.uniform() < rate / RATE_HZ ? 4 * random.uniform() : strength * 0.8;
    return strength * Math.sin((2 * Math.PI * hz * at) / RATE_HZ) + 0.05 * random.normal();
  };
}
