// Owns the reverse pass: from the tape of a graph to the gradients of a scalar loss. It never knows an operator.
import assert from 'node:assert/strict';
import { add } from './elementwise.ts';
import type { Value } from './graph.ts';

/**
 * Adds to the graph the gradient of the scalar `loss` by each of `parameters`, in their order. Only what leads from a
 * trainable parameter to the loss gets a backward pass. Asserts that every parameter is trainable and influences the loss.
 */
export function gradients(loss: Value, parameters: readonly Value[]): Value[] {
  assert(loss.shape.length === 0, `a loss is a scalar, ${loss.name} has shape [${loss.shape.join(', ')}]`);
  const found = new Map<Value, Value>([[loss, loss.graph.scalar(1)]]);
  // The rules emit operators themselves, which may extend the tape: walk a copy.
  for (const entry of loss.graph.tape.toReversed()) {
    const gradient = found.get(entry.output);
    if (!gradient) continue;
    entry.inputs.forEach((input, index) => {
      const rule = entry.backward[index];
      if (rule && input.tracked) accumulate(found, input, rule(gradient));
    });
  }
  return parameters.map((parameter) => {
    const gradient = found.get(parameter);
    assert(gradient, `${parameter.name} is not trainable or does not influence ${loss.name}`);
    return gradient;
  });
}

function accumulate(found: Map<Value, Value>, input: Value, gradient: Value): void {
  assert.deepEqual(gradient.shape, input.shape, `gradient of ${input.name}`);
  const known = found.get(input);
  found.set(input, known ? add(known, gradient) : gradient);
}
