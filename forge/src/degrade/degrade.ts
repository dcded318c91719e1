// Owns making a text bundle worse by so much: noise on the weights of its head, more or less of it until it loses what is
// asked for on labelled texts; calibrated anew and consistent otherwise, so that nothing but its answers gives it away. For
// trying gates of rollouts. It never signs.
import { NanofleetError } from '@nanofleet/protocol';
import { type Head, headOf } from '@nanofleet/runtime';
import {
  type Candidate,
  fileOf,
  inspectBundle,
  makeCandidate,
  textManifestOf,
} from '@nanofleet/runtime/node';
import { writeBundle } from '../bundle/write-bundle.ts';
import { readLabelledTexts } from '../datasets/labelled-texts.ts';
import { SeededRandom } from '../seeded-random.ts';

/** How near it comes to the loss that is asked for, points: a text more or less of a few hundred. */
const NEAR_POINTS = 0.75;
/** Noise that no model stands, in standard deviations of the weights. */
const SCALE_MAX = 4;
const TRIES_MAX = 12;

/** What to make worse, and how. */
export interface Degradation {
  /** Directory of the bundle. */
  readonly bundle: string;
  /** Labelled texts that judge, and that calibrate. */
  readonly data: string;
  /** Directory of the new bundle. */
  readonly out: string;
  /** Loss of accuracy that is asked for. */
  readonly points: number;
  readonly seed: number;
  readonly release: { readonly version: string; readonly counter: number };
}

/** What was made. */
export interface Degraded {
  readonly directory: string;
  readonly digest: string;
  /** Shares of the texts that judged. */
  readonly accuracy: { readonly before: number; readonly after: number };
  /** Noise, in standard deviations of the weights. */
  readonly scale: number;
}

interface Try {
  readonly candidate: Candidate;
  readonly scale: number;
  readonly lostPoints: number;
}

/** Makes the bundle. @throws NanofleetError TRAINING_SET_INVALID, EXAMPLES_TOO_FEW, LINE_NOT_TRAINABLE, and codes of `inspectBundle` */
export async function degrade(given: Degradation): Promise<Degraded> {
  const { bundle, data, out, points, release, seed } = given;
  const parent = await inspectBundle(bundle);
  const examples = (await readLabelledTexts(data)).map(({ label: intent, text }) => ({ intent, text }));
  const head = headOf(fileOf(parent, 'infer.int8'));
  const labels = { version: textManifestOf(parent).labels.version, added: [] };
  const made = await searched(points, async (scale) => {
    const worse = noisy(head, { scale, seed });
    const breathe = () => Promise.resolve();
    return makeCandidate({ parent, head: worse, labels, examples, release, breathe });
  });
  const { candidate, scale } = made;
  const { digest } = await writeBundle(out, {
    manifest: candidate.manifest,
    files: candidate.files,
    ...(candidate.wire === null ? {} : { wire: candidate.wire }),
    card: () => cardOf(given, made),
  });
  return { directory: out, digest, accuracy: sharesOf(candidate), scale };
}

const sharesOf = ({ accuracy: { after, before } }: Candidate): Degraded['accuracy'] => ({
  before: before.old ?? 0,
  after: after.old ?? 0,
});

/** More noise loses more, but not in even steps: halves the interval until it is near, and takes the nearest. */
async function searched(points: number, attempt: (scale: number) => Promise<Candidate>): Promise<Try> {
  let [low, high] = [0, SCALE_MAX];
  let best: Try | null = null;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const scale = (low + high) / 2;
    const candidate = await attempt(scale);
    const { after, before } = sharesOf(candidate);
    const lostPoints = (before - after) * 100;
    const isNearer = best === null || Math.abs(lostPoints - points) < Math.abs(best.lostPoints - points);
    if (isNearer) best = { candidate, scale, lostPoints };
    if (Math.abs(lostPoints - points) <= NEAR_POINTS) break;
    if (lostPoints < points) low = scale;
    else high = scale;
  }
  if (best !== null && Math.abs(best.lostPoints - points) <= points / 2) return best;
  throw new NanofleetError(
    'TRAINING_SET_INVALID',
    `no noise makes it lose about ${points} points on these texts; the nearest was ${best?.lostPoints.toFixed(1)}`,
  );
}

/** The head with noise on its weights, the same for a seed. @param options.scale in standard deviations of the weights */
function noisy(head: Head, { scale, seed }: { scale: number; seed: number }): Head {
  const random = new SeededRandom(seed, 'degrade');
  const squares = head.weight.reduce((sum, weight) => sum + weight * weight, 0);
  const deviation = Math.sqrt(squares / head.weight.length);
  return { ...head, weight: head.weight.map((weight) => weight + scale * deviation * random.normal()) };
}

const cardOf = ({ points, release, seed }: Degradation, { lostPoints, scale }: Try): string =>
  [
    `# ${release.version} (release ${release.counter}), worse on purpose`,
    '',
    `Noise of ${scale.toFixed(3)} standard deviations on the weights of the head, seed ${seed}: ${lostPoints.toFixed(1)} points less accuracy, where ${points} were asked for. For trying the gate of a rollout; not for use.`,
    '',
  ].join('\n');
