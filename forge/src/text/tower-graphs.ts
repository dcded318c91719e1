// Owns the float32 graphs of a tower: one that evaluates it and one that trains it over batches of texts whose rows the host
// has gathered, and one that trains it over texts whose rows the host has summed. It never sees the table and never quantizes.
import { dropout, gelu } from '../autodiff/elementwise.ts';
import { Graph, type Value } from '../autodiff/graph.ts';
import { crossEntropy } from '../autodiff/losses.ts';
import { linear, matMul } from '../autodiff/matrix.ts';
import { layerNorm } from '../autodiff/normalization.ts';
import { adamStep } from '../autodiff/optimizer.ts';
import {
  type DenseParameter,
  denseParameters,
  parameterShape,
  penultimateWidth,
  type TowerShape,
} from './tower.ts';

/** Inputs of the graphs over rows. `bag` [N, M] says how much of each of the M rows belongs to each of the N texts. */
export const BAG_INPUT = 'bag';
/** The gathered rows [M, width]. */
export const ROWS_INPUT = 'rows';
/** Input of the graph over sums: the sum of each text's rows by √(their count), [N, width]. */
export const SUMS_INPUT = 'sums';
/** Dropout masks [N, width] and, with a hidden layer, [N, hidden]. */
export const MASK_INPUTS = ['mask.rows', 'mask.hidden'] as const;
/** Probabilities [N, classes], each row summing to the weight of the example. */
export const TARGETS_INPUT = 'targets';

/** The training step over rows: forward, backward and AdamW of the rows, too, as an .onnx file. */
export function towerTrainingGraph(shape: TowerShape, weightDecay: number): Uint8Array {
  const graph = new Graph();
  const rows = graph.parameter(ROWS_INPUT, ['M', shape.width]);
  const { loss, parameters } = towerLoss(shape, matMul(bagInput(graph), rows));
  const trained = [rows, ...parameters];
  const undecayed = trained.filter((value) => value === rows || value.shape.length < 2);
  return graph.build('tower-train-step', adamStep(loss, trained, { weightDecay, undecayed }));
}

/** The training step over sums; it gives their gradient, by which the host moves the rows. */
export function towerSumsTrainingGraph(shape: TowerShape, weightDecay: number): Uint8Array {
  const graph = new Graph();
  const sums = graph.parameter(SUMS_INPUT, ['N', shape.width]);
  const { loss, parameters } = towerLoss(shape, sums);
  return graph.build('tower-train-step', adamStep(loss, parameters, { weightDecay, fetched: [sums] }));
}

/** The forward pass alone: outputs `logits` [N, classes] and `penultimate` [N, hidden]. */
export function towerEvaluationGraph(shape: TowerShape): Uint8Array {
  const graph = new Graph();
  const parameters = towerParameters(graph, shape);
  const rows = graph.parameter(ROWS_INPUT, ['M', shape.width], { trainable: false });
  const sums = matMul(bagInput(graph), rows);
  return graph.build('tower-evaluate', towerForward({ parameters, sums, masks: [] }));
}

/** Widths of the dropout masks, in the order of their inputs. */
export const maskWidths = (shape: TowerShape): number[] =>
  shape.hidden === 0 ? [shape.width] : [shape.width, penultimateWidth(shape)];

function bagInput(graph: Graph): Value {
  return graph.input(BAG_INPUT, 'float32', ['N', 'M']);
}

function towerParameters(graph: Graph, shape: TowerShape): Record<DenseParameter, Value> {
  const entries = denseParameters(shape).map(
    (name) => [name, graph.parameter(name, parameterShape(shape, name))] as const,
  );
  return Object.fromEntries(entries) as Record<DenseParameter, Value>;
}

function towerLoss(shape: TowerShape, sums: Value): { loss: Value; parameters: Value[] } {
  const { graph } = sums;
  const parameters = towerParameters(graph, shape);
  const masks = maskWidths(shape).map((size, at) =>
    graph.input(MASK_INPUTS[at as 0 | 1], 'float32', ['N', size]),
  );
  const { logits } = towerForward({ parameters, sums, masks });
  const loss = crossEntropy(logits, graph.input(TARGETS_INPUT, 'float32', ['N', shape.classes]));
  return { loss, parameters: Object.values(parameters) };
}

interface Forward {
  readonly parameters: Record<DenseParameter, Value>;
  readonly sums: Value;
  readonly masks: readonly Value[];
}

function towerForward({ parameters, sums, masks: [rowMask, hiddenMask] }: Forward): {
  logits: Value;
  penultimate: Value;
} {
  const normed = layerNorm(sums, parameters['norm.gain'], parameters['norm.shift']);
  const kept = rowMask ? dropout(normed, rowMask) : normed;
  if (!('hidden.weight' in parameters))
    return { logits: linear(kept, parameters['head.weight'], parameters['head.bias']), penultimate: normed };
  const penultimate = gelu(linear(kept, parameters['hidden.weight'], parameters['hidden.bias']));
  const features = hiddenMask ? dropout(penultimate, hiddenMask) : penultimate;
  return { logits: linear(features, parameters['head.weight'], parameters['head.bias']), penultimate };
}
