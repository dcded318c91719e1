// Owns a graph while it is being traced: its values with their shapes, its nodes, and for each operator how to
// differentiate it. It never computes anything and never reads a file; ONNX Runtime runs what `build` returns.
import assert from 'node:assert/strict';
import {
  type AttributeSpec,
  type Dimension,
  type ElementType,
  encodeModel,
  type NodeSpec,
  type PortSpec,
  type TensorSpec,
} from '../onnx/model.ts';
import { type TensorElements, tensorSpec } from '../onnx/tensor.ts';

/** Dimensions of a value; a string stands for a count known only at run time, such as 'N' for the batch. */
export type Shape = readonly Dimension[];

/** One tensor of a graph. `tracked` says that a trainable parameter influences it. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
  readonly tracked: boolean;
}

/** Given the gradient of the loss by the operator's output, the gradient by one of its inputs. */
export type Backward = (gradient: Value) => Value;

/** An operator call as `gradients` needs it: one backward rule for each tracked input; null where none exists (indices). */
export interface TapeEntry {
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly backward: readonly (Backward | null)[];
}

/** What `Graph.emit` needs to know of an operator call with one output. */
export interface OperatorCall {
  readonly operator: string;
  readonly domain?: string;
  readonly inputs: readonly Value[];
  readonly shape: Shape;
  readonly type?: ElementType;
  readonly attributes?: Readonly<Record<string, AttributeSpec>>;
  /** One rule an input. Leave it out for an operator without gradient. */
  readonly backward?: readonly (Backward | null)[];
}

interface Output {
  readonly type: ElementType;
  readonly shape: Shape;
}

/** A graph under construction. Values belong to exactly one graph; names of inputs, parameters and outputs are the caller's. */
export class Graph {
  readonly tape: TapeEntry[] = [];
  readonly #nodes: NodeSpec[] = [];
  readonly #constants = new Map<string, TensorSpec>();
  readonly #constantNames = new Map<string, Value>();
  readonly #inputs: PortSpec[] = [];
  #count = 0;

  /** A value that each run is fed with. */
  input(name: string, type: ElementType, shape: Shape): Value {
    return this.#port(name, { type, shape, tracked: false });
  }

  /**
   * A float32 value that is fed like an input and, if trainable (the default), gets a gradient. Without `trainable`
   * it is frozen: no part of the backward pass is emitted for it.
   */
  parameter(name: string, shape: Shape, { trainable = true }: { readonly trainable?: boolean } = {}): Value {
    return this.#port(name, { type: 'float32', shape, tracked: trainable });
  }

  /** A constant kept in the file. Equal small constants are stored once. */
  constant(elements: TensorElements, shape: readonly number[]): Value {
    const key =
      elements.length <= 16 ? `${elements.constructor.name}[${shape.join()}]${elements.join()}` : undefined;
    const known = key === undefined ? undefined : this.#constantNames.get(key);
    if (known) return known;
    const value = this.namedConstant(this.#fresh('constant'), elements, shape);
    if (key !== undefined) this.#constantNames.set(key, value);
    return value;
  }

  /** A constant under a name of the caller's choice, so that it can be found and replaced in the file. */
  namedConstant(name: string, elements: TensorElements, shape: readonly number[]): Value {
    assert(!this.#constants.has(name), `constant ${name} is given twice`);
    const spec = tensorSpec(name, elements, shape);
    this.#constants.set(name, spec);
    return { graph: this, name, type: spec.type, shape, tracked: false };
  }

  /** A float32 scalar. */
  scalar(value: number): Value {
    return this.constant(Float32Array.of(value), []);
  }

  /** A list of int64, as shapes, axes and pads are given. */
  integers(values: readonly number[]): Value {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** Adds an operator call with one output. */
  emit(call: OperatorCall): Value {
    const tracked = call.backward !== undefined && call.inputs.some((input) => input.tracked);
    const [output] = this.emitMany(call, [{ type: call.type ?? 'float32', shape: call.shape }], tracked);
    assert(output, 'an operator call has an output');
    if (tracked && call.backward) this.tape.push({ inputs: call.inputs, output, backward: call.backward });
    return output;
  }

  /** Adds an operator call with several outputs; it leaves the tape alone, so the caller records what can be differentiated. */
  emitMany(
    call: Omit<OperatorCall, 'backward' | 'shape' | 'type'>,
    outputs: readonly Output[],
    tracked = false,
  ): Value[] {
    for (const input of call.inputs) assert(input.graph === this, `${input.name} belongs to another graph`);
    const values = outputs.map(({ type, shape }) => ({
      graph: this,
      name: this.#fresh(call.operator),
      type,
      shape,
      tracked,
    }));
    this.#nodes.push({
      operator: call.operator,
      ...(call.domain === undefined ? {} : { domain: call.domain }),
      inputs: call.inputs.map((input) => input.name),
      outputs: values.map((value) => value.name),
      attributes: call.attributes ?? {},
    });
    return values;
  }

  /**
   * The bytes of an .onnx file with the given outputs. Nodes, constants and inputs that no output needs are left out.
   * `metadata` travels in the file; `name` is the graph's.
   */
  build(
    name: string,
    outputs: Readonly<Record<string, Value>>,
    metadata: Readonly<Record<string, string>> = {},
  ): Uint8Array {
    const renamed = Object.entries(outputs).map(([as, value]) => ({ as, value }));
    const exits = renamed.map(({ as, value }) => identity(value.name, as));
    const nodes = needed([...this.#nodes, ...exits], new Set(renamed.map(({ as }) => as)));
    const used = new Set(nodes.flatMap((node) => node.inputs));
    return encodeModel({
      name,
      nodes,
      constants: [...this.#constants.values()].filter((constant) => used.has(constant.name)),
      inputs: this.#inputs.filter((port) => used.has(port.name)),
      outputs: renamed.map(({ as, value }) => ({ name: as, type: value.type, dimensions: value.shape })),
      metadata,
    });
  }

  #port(name: string, port: Output & { readonly tracked: boolean }): Value {
    assert(!this.#inputs.some((other) => other.name === name), `input ${name} is given twice`);
    this.#inputs.push({ name, type: port.type, dimensions: port.shape });
    return { graph: this, name, ...port };
  }

  #fresh(operator: string): string {
    this.#count += 1;
    return `${operator}_${this.#count}`;
  }
}

/** ONNX Runtime drops these at load: they only give a traced value the caller's name. */
function identity(from: string, to: string): NodeSpec {
  return { operator: 'Identity', inputs: [from], outputs: [to], attributes: {} };
}

function needed(nodes: readonly NodeSpec[], wanted: Set<string>): NodeSpec[] {
  const kept: NodeSpec[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    for (const input of node.inputs) wanted.add(input);
    kept.push(node);
  }
  return kept.toReversed();
}
