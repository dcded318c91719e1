import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { float, int } from './attributes.ts';
import { encodeModel, type ModelSpec } from './model.ts';
import { ProtobufWriter } from './protobuf.ts';
import { tensorSpec } from './tensor.ts';

const MODEL: ModelSpec = {
  name: 'line',
  nodes: [
    {
      operator: 'Gemm',
      inputs: ['x', 'w', 'b'],
      outputs: ['y'],
      attributes: { alpha: float(0.5), transB: int(1) },
    },
  ],
  constants: [
    tensorSpec('w', Float32Array.of(1, 2, 3, 4), [2, 2]),
    tensorSpec('b', Float32Array.of(-1, 1), [2]),
  ],
  inputs: [{ name: 'x', type: 'float32', dimensions: ['N', 2] }],
  outputs: [{ name: 'y', type: 'float32', dimensions: ['N', 2] }],
  metadata: { made: 'here' },
};

describe('encodeModel', () => {
  it('writes a file that the runtime loads and computes right', async () => {
    const session = await InferenceSession.create(encodeModel(MODEL));
    const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(2, 4, 0, 2), [2, 2]) });
    await session.release();
    expect(y?.dims).toEqual([2, 2]);
    expect(y?.data).toEqual(Float32Array.of(4, 12, 1, 5));
  });

  it('gives the same bytes for the same model', () => {
    expect(encodeModel(MODEL)).toEqual(encodeModel(structuredClone(MODEL)));
  });
});

describe('ProtobufWriter', () => {
  it('writes the examples of the encoding guide', () => {
    expect(new ProtobufWriter().integer(1, 150).finish()).toEqual(Uint8Array.of(0x08, 0x96, 0x01));
    expect(new ProtobufWriter().text(2, 'testing').finish()).toEqual(
      Uint8Array.of(0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67),
    );
  });

  it('writes a negative integer as ten bytes', () => {
    expect(new ProtobufWriter().integer(1, -1).finish()).toEqual(
      Uint8Array.of(8, ...new Uint8Array(9).fill(0xff), 1),
    );
  });
});

describe('tensorSpec', () => {
  it('refuses elements that do not fit the dimensions', () => {
    expect(() => tensorSpec('w', Float32Array.of(1, 2, 3), [2, 2])).toThrow(/3 elements/);
  });
});
