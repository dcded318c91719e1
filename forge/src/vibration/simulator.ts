// Owns the physics: how a machine in a condition moves the sensor, sample by sample. Deterministic from its random
// source. It never writes a file and knows nothing of windows or models.
//
// Rotation gives sines at multiples of the shaft speed; imbalance grows with the speed squared. A damaged race gives one
// impact each time a ball passes the damage, with slip of the cage; every impact rings the structure down at its natural
// frequency. An outer race lies still in the load zone; an inner race turns with the shaft through it, so that its
// impacts swell and fade once a revolution. Flow noise is filtered noise that waxes and wanes with the load.
import type { SeededRandom } from '../seeded-random.ts';
import type { Machine } from './machine.ts';

/** Samples a second. Twice the highest resonance and little more: a recording of a minute stays small. */
export const RATE_HZ = 800;
/** Channels of a sample. */
export const CHANNELS = ['x', 'y', 'z'] as const;

/** What a machine does at one moment. */
export interface Condition {
  /** 0: stands still. 1: turns with its speed. Between: runs up or down. */
  readonly running: number;
  /** 0 to 1: how much the pump has to do. */
  readonly load: number;
  /** Peak of an impact's ring-down in g; 0 for a sound bearing. */
  readonly bearingDamage: number;
  /** Which race is damaged. */
  readonly race: 'outer' | 'inner';
  /** Further vibration at the shaft speed, g at 25 revolutions a second. */
  readonly imbalance: number;
}

/** A sound machine at half load. */
export const SOUND: Condition = { running: 1, load: 0.5, bearingDamage: 0, race: 'outer', imbalance: 0 };

/** Speed at which amplitudes are stated. */
const REFERENCE_HZ = 25;
/** Largest value that the sensor can give, g. */
const SENSOR_RANGE = 8;
const TURN = 2 * Math.PI;

interface Ringing {
  real: number;
  imaginary: number;
}

/** Runs one machine through time; each call of `sample` moves it on by one sample. */
export class PumpSimulator {
  readonly #machine: Machine;
  readonly #random: SeededRandom;
  readonly #phases: readonly number[];
  #angle: number;
  #impactAngle: number;
  #load = 0.5;
  #flow = 0;
  #ringing: Ringing = { real: 0, imaginary: 0 };
  #nextImpact = 1;

  constructor(machine: Machine, random: SeededRandom) {
    this.#machine = machine;
    this.#random = random;
    this.#phases = Array.from({ length: 8 }, () => TURN * random.uniform());
    this.#angle = random.uniform();
    this.#impactAngle = random.uniform();
  }

  /** The next sample in g: gravity and vibration in the sensor's three axes. */
  sample(condition: Condition): [number, number, number] {
    const { machine, speed } = this.#turn(condition);
    const strength = (speed / REFERENCE_HZ) ** 2;
    const ring = this.#ring(condition, speed);
    const flow = this.#flowNoise(condition);
    const [axial, vertical, horizontal] = this.#rotation(condition, strength);
    const [alongAxis, up, across] = machine.resonanceDirection;
    const felt: [number, number, number] = [
      axial + ring * alongAxis + 0.5 * flow,
      1 + vertical + ring * up + flow,
      horizontal + ring * across + 0.8 * flow,
    ];
    return this.#sense(felt);
  }

  #turn({ running, load }: Condition): { machine: Machine; speed: number } {
    const machine = this.#machine;
    // The load wanders around its set point like a valve that hunts.
    this.#load += (load - this.#load) * 0.004 + 0.004 * this.#random.normal();
    this.#load = Math.min(1, Math.max(0, this.#load));
    const speed = running * machine.speedHz * (1 - machine.slip * this.#load);
    this.#angle += speed / RATE_HZ;
    return { machine, speed };
  }

  #rotation({ imbalance }: Condition, strength: number): [number, number, number] {
    const { harmonics, bladePulse, blades } = this.#machine;
    const wave = (order: number, phase: number): number =>
      Math.cos(TURN * order * this.#angle + (this.#phases[phase] ?? 0));
    const [first, second, third] = harmonics;
    const shaft = (first + imbalance) * strength;
    const blade = bladePulse * strength * this.#load;
    return [
      0.3 * second * strength * wave(2, 1) + 0.3 * blade * wave(blades, 4),
      shaft * wave(1, 0) +
        second * strength * wave(2, 2) +
        third * strength * wave(3, 3) +
        blade * wave(blades, 5),
      shaft * Math.sin(TURN * this.#angle + (this.#phases[0] ?? 0)) +
        0.6 * second * strength * wave(2, 6) +
        0.7 * blade * wave(blades, 7),
    ];
  }

  // The structure is one damped oscillator: its state turns and decays, impacts push it at their exact time.
  #ring(condition: Condition, speed: number): number {
    const { resonanceHz, damping } = this.#machine;
    this.#decay(1 / RATE_HZ);
    const order = condition.race === 'outer' ? this.#machine.outerRaceOrder : this.#machine.innerRaceOrder;
    this.#impactAngle += (order * speed) / RATE_HZ;
    if (this.#impactAngle >= this.#nextImpact) {
      const since = speed > 0 ? (this.#impactAngle - this.#nextImpact) / (order * speed) : 0;
      const push = this.#impact(condition) * Math.exp(-damping * TURN * resonanceHz * since);
      this.#ringing.real += push * Math.cos(TURN * resonanceHz * since);
      this.#ringing.imaginary += push * Math.sin(TURN * resonanceHz * since);
      // Balls do not roll perfectly: about one percent of slip between impacts.
      this.#nextImpact += 1 + 0.012 * this.#random.normal();
    }
    return this.#ringing.imaginary;
  }

  #decay(seconds: number): void {
    const { resonanceHz, damping } = this.#machine;
    const shrink = Math.exp(-damping * TURN * resonanceHz * seconds);
    const turn = TURN * resonanceHz * Math.sqrt(1 - damping * damping) * seconds;
    const { real, imaginary } = this.#ringing;
    this.#ringing.real = shrink * (real * Math.cos(turn) - imaginary * Math.sin(turn));
    this.#ringing.imaginary = shrink * (real * Math.sin(turn) + imaginary * Math.cos(turn));
  }

  #impact({ bearingDamage, race }: Condition): number {
    const scatter = Math.max(0, 1 + 0.2 * this.#random.normal());
    const zone = race === 'outer' ? 1 : Math.max(0, 0.35 + 0.75 * Math.cos(TURN * this.#angle));
    return bearingDamage * scatter * zone * (0.7 + 0.3 * this.#load);
  }

  // First-order filtered noise, so that low frequencies prevail as in turbulent flow.
  #flowNoise({ running }: Condition): number {
    this.#flow = 0.6 * this.#flow + 0.8 * this.#random.normal();
    return running * this.#machine.flowNoise * (0.3 + 0.7 * this.#load) * this.#flow;
  }

  #sense(felt: readonly [number, number, number]): [number, number, number] {
    const { mounting, sensorGain, sensorNoise } = this.#machine;
    const seen = mounting.map(([x, y, z]) => {
      const value =
        sensorGain * (x * felt[0] + y * felt[1] + z * felt[2]) + sensorNoise * this.#random.normal();
      return Math.min(SENSOR_RANGE, Math.max(-SENSOR_RANGE, value));
    });
    return seen as [number, number, number];
  }
}

/** The samples of a machine over some seconds, interleaved, in g. `conditionAt` gets the time in seconds. */
export function simulate(
  simulator: PumpSimulator,
  { seconds, conditionAt }: { readonly seconds: number; readonly conditionAt: (second: number) => Condition },
): Float32Array {
  const count = Math.round(seconds * RATE_HZ);
  const values = new Float32Array(count * CHANNELS.length);
  for (let at = 0; at < count; at += 1)
    values.set(simulator.sample(conditionAt(at / RATE_HZ)), at * CHANNELS.length);
  return values;
}
