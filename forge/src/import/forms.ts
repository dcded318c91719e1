// Owns measuring the forms of a foreign model on its validation rows and choosing the one that is shipped: the last, which is the
// smallest, that loses no more than may be lost. It never makes a form.
import { type ManifestDraft, NanofleetError } from '@nanofleet/protocol';
import { accuracy, argMax } from '@nanofleet/runtime';
import type { Tensor } from 'onnxruntime-node';
import { encodeModel, type ModelSpec } from '../onnx/model.ts';
import { checkFusion, type ExpectedKernels } from './fusion-gate.ts';
import { runGraph } from './run-graph.ts';

/** A form of a model; the first of a list is the model as it was given. */
export interface Form {
  /** Such as "int8". */
  readonly name: string;
  readonly model: ModelSpec;
  readonly quantization: ManifestDraft['quantization'];
  /** Kernels of integers that its optimized graph must hold. */
  readonly kernels: readonly ExpectedKernels[];
}

/** How a form did on the validation file. */
export interface MeasuredForm {
  readonly name: string;
  /** Share of rows answered right, 0..1. */
  readonly accuracy: number;
  readonly graphBytes: number;
  /** Median of a run. */
  readonly microseconds: number;
}

/** A measured form with its graph and what this answered to each row. */
export interface JudgedForm {
  readonly form: Form;
  readonly graph: Uint8Array;
  readonly logits: readonly Float32Array[];
  readonly measured: MeasuredForm;
}

/** What forms are judged on. */
export interface Trial {
  /** Name of the model, for errors. */
  readonly name: string;
  readonly rows: readonly Readonly<Record<string, Tensor>>[];
  /** Number of the label of each of the first rows; further rows are of no label and count for no accuracy. */
  readonly gold: Int32Array;
  readonly labels: number;
  /** A monotonic clock with fractions. */
  readonly nowMs: () => number;
}

/** Measures every form. @throws NanofleetError MODEL_LOAD_FAILED, GRAPH_UNSUPPORTED */
export async function judgeForms(forms: readonly Form[], trial: Trial): Promise<JudgedForm[]> {
  const judged: JudgedForm[] = [];
  for (const form of forms) judged.push(await judge(form, trial));
  if (judged[0]?.logits.every(isShare)) throw probabilities();
  return judged;
}

async function judge(form: Form, trial: Trial): Promise<JudgedForm> {
  const graph = encodeModel(form.model);
  await checkFusion(graph, form);
  const { logits, microseconds } = await runGraph({ graph, ...trial });
  const right = accuracy(logits.slice(0, trial.gold.length).map(argMax), trial.gold);
  const measured = { name: form.name, accuracy: right, graphBytes: graph.length, microseconds };
  return { form, graph, logits, measured };
}

/** The form that is shipped. @throws NanofleetError GRAPH_UNSUPPORTED when each but the given one loses too much */
export function chosenForm(
  judged: readonly JudgedForm[],
  { keepFloat, lossMax }: { readonly keepFloat: boolean; readonly lossMax: number },
): JudgedForm {
  const [given, ...smaller] = judged;
  const allowed = (given?.measured.accuracy ?? 0) - lossMax;
  const chosen = keepFloat ? given : smaller.findLast(({ measured }) => measured.accuracy >= allowed);
  if (chosen !== undefined) return chosen;
  const points = (share: number): string => `${(share * 100).toFixed(2)} %`;
  const answers = judged.map(({ measured }) => `${points(measured.accuracy)} in ${measured.name}`).join(', ');
  throw new NanofleetError(
    'GRAPH_UNSUPPORTED',
    `Of the validation rows the model answers ${answers} right; it may lose ${points(lossMax)}. Keep it with --keep-float, or allow more with --loss-max.`,
  );
}

/** Logits hardly ever sum to one; probabilities would be scored as if they were logits, and no confidence would be high. */
const isShare = (row: Float32Array): boolean =>
  row.every((value) => value >= 0) && Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 1e-3;

const probabilities = (): NanofleetError =>
  new NanofleetError(
    'GRAPH_UNSUPPORTED',
    'The model was refused: it gives probabilities that do not come from a final Softmax. Export it with its logits, or with Softmax as the last node.',
  );
