/**
 * Owns turning a checked bundle into a running model: session, features, scoring, golden vectors. A runner leaves here only if it
 * reproduces its golden vectors. Never checks signatures (verify-bundle.ts) and never decides when to swap (the agent's slots do).
 */
import {
  assert,
  type FileRole,
  fileOfRole,
  isHashedText,
  type Manifest,
  NanofleetError,
} from '@nanofleet/protocol';
import type { InferenceSession } from 'onnxruntime-node';
import { decodeGolden, decodeWindow, type Golden, logitGap, tagGap } from '../golden.ts';
import { checkOperators } from '../onnx/operators.ts';
import type { Runner, SensorRunner, TextRunner } from '../runner.ts';
import { tagCount } from '../text/entity-tags.ts';
import { loadEngine } from './engine.ts';
import { openSensorRunner } from './sensor-runner.ts';
import { openSession } from './session.ts';
import { openTextRunner } from './text-runner.ts';
import { TextTokenizer } from './text-tokenizer.ts';
import { openTokenizedRunner } from './tokenized-runner.ts';
import type { CheckedBundle } from './verify-bundle.ts';

/**
 * Loads a bundle and proves it against its golden vectors.
 * @param engine what runs it; the one of this process when left out
 * @throws NanofleetError `GRAPH_UNSUPPORTED`, `TOKENIZER_UNSUPPORTED`, `MODEL_LOAD_FAILED` or `GOLDEN_MISMATCH`; then nothing stays open.
 */
export async function loadRunner(bundle: CheckedBundle, engine = loadEngine()): Promise<Runner> {
  const { manifest } = bundle;
  const golden = decodeGolden(fileBytes(bundle, 'golden'), manifest);
  const graph = fileBytes(bundle, 'infer.int8');
  checkOperators(graph);
  const session = await openSession(graph, `${manifest.line} ${manifest.version}`, engine);
  try {
    const runner = await runnerOver(session, bundle);
    await checkGolden(runner, golden);
    return runner;
  } catch (thrown) {
    await session.release();
    throw thrown;
  }
}

async function runnerOver(session: InferenceSession, bundle: CheckedBundle): Promise<Runner> {
  const { manifest, digest } = bundle;
  if (manifest.task === 'sensor-event') return openSensorRunner({ session, manifest, digest });
  if (isHashedText(manifest)) return openTextRunner({ session, manifest, digest });
  assert(manifest.text.kind === 'tokenizer-json-1', 'there are two kinds of text models');
  const tokenizer = await TextTokenizer.open(fileBytes(bundle, 'tokenizer'), manifest.text);
  return openTokenizedRunner({ session, manifest, digest, tokenizer });
}

/** Loads a bundle that must be a text model; @throws also `LINE_TASK_WRONG`. */
export async function loadTextRunner(bundle: CheckedBundle): Promise<TextRunner> {
  const runner = await loadRunner(bundle);
  if (runner.task === 'text-intent') return runner;
  await runner.release();
  throw wrongTask(bundle.manifest);
}

/** Loads a bundle that must be a sensor model; @throws also `LINE_TASK_WRONG`. */
export async function loadSensorRunner(bundle: CheckedBundle): Promise<SensorRunner> {
  const runner = await loadRunner(bundle);
  if (runner.task === 'sensor-event') return runner;
  await runner.release();
  throw wrongTask(bundle.manifest);
}

const wrongTask = ({ line, task }: Manifest): NanofleetError =>
  new NanofleetError('LINE_TASK_WRONG', `The bundle of line ${line} does the task ${task}.`, {
    facts: { line, task },
  });

function fileBytes({ files, manifest }: CheckedBundle, role: FileRole): Uint8Array {
  const bytes = files.get(role);
  if (bytes !== undefined) return bytes;
  const name = fileOfRole(manifest, role)?.name ?? role;
  throw new NanofleetError('BUNDLE_FILE_MISSING', `The bundle holds no ${name}.`, { facts: { file: name } });
}

/** Runs every golden vector; the first that is off by more than the manifest allows refuses the model. */
async function checkGolden(runner: Runner, golden: Golden): Promise<void> {
  const { tolerance } = runner.manifest.golden;
  let at = 0;
  for await (const gap of goldenGaps(runner, golden)) {
    if (!(gap <= tolerance)) {
      const problem = `Golden vector ${at} of ${runner.line} ${runner.version} is off by ${gap.toPrecision(3)}; ${tolerance} is allowed.`;
      throw new NanofleetError('GOLDEN_MISMATCH', problem, { facts: { at, tolerance } });
    }
    at += 1;
  }
}

async function* goldenGaps(runner: Runner, golden: Golden): AsyncGenerator<number> {
  if (golden.task === 'text-intent' && runner.task === 'text-intent') {
    const tags = tagCount(runner.manifest.entities?.types.length ?? 0);
    for (const { text, logits, tags: expected } of golden.cases) {
      const { decided, tags: scores } = await runner.decideTagged(text);
      const gap = logitGap(decided.logits, logits);
      yield scores === null || expected === undefined
        ? gap
        : Math.max(gap, tagGap(scores, { tags, expected }));
    }
  } else if (golden.task === 'sensor-event' && runner.task === 'sensor-event') {
    for (const { window, logits } of golden.cases) {
      yield logitGap((await runner.score(decodeWindow(window))).logits, logits);
    }
  }
}
