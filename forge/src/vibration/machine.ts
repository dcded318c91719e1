// Owns what makes one pump differ from another: speed, bearing, structure, mounting of the sensor, noise. It never
// makes a sample. Ranges follow common practice: 4-pole motors near 1500 / min, deep-groove bearings of 7 to 9 balls,
// MEMS accelerometers; they are chosen, not measured on a plant.
import type { SeededRandom } from '../seeded-random.ts';

/** A vector in the sensor's or the machine's three axes. */
export type Vector = readonly [number, number, number];

/** One pump with its sensor; everything that stays while its condition changes. */
export interface Machine {
  /** Shaft speed without load, revolutions a second; load slows it by up to `slip`. */
  readonly speedHz: number;
  readonly slip: number;
  /** Impeller blades: pressure pulses a revolution. */
  readonly blades: number;
  /** Impacts a revolution when a race is damaged, by the bearing's geometry. */
  readonly outerRaceOrder: number;
  readonly innerRaceOrder: number;
  /** The structure that impacts excite: natural frequency in Hz, damping ratio, and its direction. */
  readonly resonanceHz: number;
  readonly damping: number;
  readonly resonanceDirection: Vector;
  /** Harmonics of the shaft when healthy, g at 25 revolutions a second: residual imbalance, misalignment, looseness. */
  readonly harmonics: readonly [number, number, number];
  /** Pulse of each blade at full load, g. */
  readonly bladePulse: number;
  /** Broadband noise of the flow at full load, g (root mean square). */
  readonly flowNoise: number;
  /** Noise of the sensor, g (root mean square), and its gain error. */
  readonly sensorNoise: number;
  readonly sensorGain: number;
  /** Rows: the machine's axial, vertical and horizontal axes as the sensor, mounted at any angle, sees them. */
  readonly mounting: readonly [Vector, Vector, Vector];
}

/** Draws a machine. */
export function drawMachine(random: SeededRandom): Machine {
  const between = (low: number, high: number): number => low + (high - low) * random.uniform();
  const logarithmic = (low: number, high: number): number => low * (high / low) ** random.uniform();
  const balls = 7 + random.below(3);
  // Ball to pitch diameter times the cosine of the contact angle.
  const ratio = between(0.18, 0.26);
  return {
    speedHz: between(22, 28),
    slip: between(0.01, 0.04),
    blades: 5 + random.below(3),
    outerRaceOrder: (balls / 2) * (1 - ratio),
    innerRaceOrder: (balls / 2) * (1 + ratio),
    resonanceHz: between(230, 350),
    damping: between(0.03, 0.09),
    resonanceDirection: unit([between(-0.4, 0.4), between(-1, 1), between(-1, 1)]),
    harmonics: [logarithmic(0.012, 0.05), logarithmic(0.006, 0.05), logarithmic(0.002, 0.015)],
    bladePulse: logarithmic(0.01, 0.06),
    flowNoise: logarithmic(0.008, 0.05),
    sensorNoise: logarithmic(0.004, 0.012),
    sensorGain: between(0.95, 1.05),
    mounting: rotation(random),
  };
}

const unit = ([x, y, z]: Vector): Vector => {
  const length = Math.hypot(x, y, z);
  return [x / length, y / length, z / length];
};

// A random rotation by a unit quaternion of four normal numbers (uniform over all orientations).
function rotation(random: SeededRandom): readonly [Vector, Vector, Vector] {
  const drawn = [random.normal(), random.normal(), random.normal(), random.normal()] as const;
  const length = Math.hypot(...drawn);
  const [w, x, y, z] = drawn.map((part) => part / length) as [number, number, number, number];
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
    [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
    [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
  ];
}
