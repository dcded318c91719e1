// Owns one training graph in ONNX Runtime with its parameters and moments, held in two sets of buffers that take
// turns as input and output (aliasing them computes garbage silently). It never knows a loss, a schedule or a data set.
import assert from 'node:assert/strict';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { LEARNING_RATE_INPUT, LOSS_OUTPUT, stepNames } from '../autodiff/optimizer.ts';
import type { RowTable } from './row-table.ts';

/** One thread: steps are bitwise repeatable, and a second one was slower on a shared machine (70.7 against 39.5 ms a step). */
export const SINGLE_THREAD: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
};

/** A trained tensor, row major. */
export interface ParameterTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly elements: Float32Array;
}

/** A parameter with Adam's moments; all three have the same length. */
export interface ParameterState {
  readonly shape: readonly number[];
  readonly value: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

/** What one step needs besides the parameters: the batch, the rate of this step, and the rows that the batch uses. */
export interface StepInput {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly learningRate: number;
  /** Further outputs, written into the given tensors. */
  readonly fetches?: Readonly<Record<string, Tensor>>;
  /** Which of the graphs that were opened, from 0 (the default). */
  readonly graph?: number;
  readonly rows?: { readonly name: string; readonly table: RowTable; readonly used: Int32Array };
}

interface Half {
  readonly value: Tensor;
  readonly firstMoment: Tensor;
  readonly secondMoment: Tensor;
}

/** Runs training steps. Open with `TrainingSession.open`; always `release`. */
export class TrainingSession {
  readonly #graphs: readonly (() => Uint8Array)[];
  readonly #sessions = new Map<number, InferenceSession>();
  readonly #names: readonly string[];
  readonly #halves: readonly [Map<string, Half>, Map<string, Half>];
  #turn: 0 | 1 = 0;

  private constructor(graphs: readonly (() => Uint8Array)[], state: ReadonlyMap<string, ParameterState>) {
    this.#graphs = graphs;
    this.#names = [...state.keys()];
    this.#halves = [copyOf(state), copyOf(state)];
  }

  /** `graph` is an .onnx file made with `adamStep`; `state` holds every parameter of it that is not a row table. */
  static async open(graph: Uint8Array, state: ReadonlyMap<string, ParameterState>): Promise<TrainingSession> {
    const session = TrainingSession.openLazily([() => graph], state);
    await session.#session(0);
    return session;
  }

  /** Graphs over the same parameters, for batches of different forms; each is made and opened when a step first needs it. */
  static openLazily(
    graphs: readonly (() => Uint8Array)[],
    state: ReadonlyMap<string, ParameterState>,
  ): TrainingSession {
    return new TrainingSession(graphs, state);
  }

  /** One step; resolves to the loss of the batch before the step. Steps must not overlap. */
  async step({ feeds, learningRate, rows, fetches, graph = 0 }: StepInput): Promise<number> {
    const session = await this.#session(graph);
    const inputs: Record<string, Tensor> = { ...feeds, [LEARNING_RATE_INPUT]: scalar(learningRate) };
    const loss = scalar(0);
    const outputs: Record<string, Tensor> = { ...fetches, [LOSS_OUTPUT]: loss };
    this.#bind(inputs, outputs);
    const moved = rows && rows.table.lend(rows.used);
    if (rows && moved) bind({ name: rows.name, from: moved.taken, to: moved.returned, inputs, outputs });
    await session.run(inputs, outputs);
    this.#turn = this.#turn === 0 ? 1 : 0;
    if (rows && moved) rows.table.giveBack(rows.used, moved);
    return loss.data[0] as number;
  }

  /** A copy of parameters and moments after the last step. */
  state(): Map<string, ParameterState> {
    return new Map([...this.#halves[this.#turn]].map(([name, half]) => [name, stateOf(half)]));
  }

  /** The parameters after the last step as tensors to feed an inference graph with. They are overwritten by later steps. */
  parameters(): Record<string, Tensor> {
    return Object.fromEntries([...this.#halves[this.#turn]].map(([name, half]) => [name, half.value]));
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
  }

  async #session(graph: number): Promise<InferenceSession> {
    const known = this.#sessions.get(graph);
    if (known) return known;
    const make = this.#graphs[graph];
    assert(make, `there is no graph ${graph}`);
    const session = await InferenceSession.create(make(), SINGLE_THREAD);
    this.#sessions.set(graph, session);
    return session;
  }

  #bind(inputs: Record<string, Tensor>, outputs: Record<string, Tensor>): void {
    const [now, next] = this.#turn === 0 ? this.#halves : [this.#halves[1], this.#halves[0]];
    for (const name of this.#names) {
      const from = now.get(name);
      const to = next.get(name);
      assert(from && to);
      bind({ name, from, to, inputs, outputs });
    }
  }
}

/** A parameter before its first step: moments are zero. */
export function freshState({ shape, elements }: Omit<ParameterTensor, 'name'>): ParameterState {
  const zeros = (): Float32Array => new Float32Array(elements.length);
  return { shape, value: elements, firstMoment: zeros(), secondMoment: zeros() };
}

function bind({
  name,
  from,
  to,
  inputs,
  outputs,
}: {
  readonly name: string;
  readonly from: Half;
  readonly to: Half;
  readonly inputs: Record<string, Tensor>;
  readonly outputs: Record<string, Tensor>;
}): void {
  const names = stepNames(name);
  inputs[names.parameter] = from.value;
  inputs[names.firstMoment] = from.firstMoment;
  inputs[names.secondMoment] = from.secondMoment;
  outputs[names.newParameter] = to.value;
  outputs[names.newFirstMoment] = to.firstMoment;
  outputs[names.newSecondMoment] = to.secondMoment;
}

function copyOf(state: ReadonlyMap<string, ParameterState>): Map<string, Half> {
  const tensor = (elements: Float32Array, shape: readonly number[]): Tensor =>
    new Tensor('float32', elements.slice(), shape);
  return new Map(
    [...state].map(([name, { shape, value, firstMoment, secondMoment }]) => [
      name,
      {
        value: tensor(value, shape),
        firstMoment: tensor(firstMoment, shape),
        secondMoment: tensor(secondMoment, shape),
      },
    ]),
  );
}

function stateOf(half: Half): ParameterState {
  const copy = (tensor: Tensor): Float32Array => (tensor.data as Float32Array).slice();
  return {
    shape: half.value.dims,
    value: copy(half.value),
    firstMoment: copy(half.firstMoment),
    secondMoment: copy(half.secondMoment),
  };
}

function scalar(value: number): Tensor {
  return new Tensor('float32', Float32Array.of(value), []);
}
