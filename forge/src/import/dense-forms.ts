// Owns which forms of a foreign model are tried: as given, dense layers in int8, and with them tables in int8. It never measures.
import type { ModelSpec } from '../onnx/model.ts';
import type { Form } from './forms.ts';
import { DENSE_KERNELS } from './fusion-gate.ts';
import { quantizeModel } from './quantize-model.ts';
import { quantizeTables } from './quantize-tables.ts';

/** The model as given, in float32. */
export const givenForm = (model: ModelSpec): Form => ({
  name: 'float32',
  model,
  quantization: [],
  kernels: [],
});

/** The model with its dense layers in int8. */
export function denseForm(model: ModelSpec, name: string): Form {
  const dense = quantizeModel(model);
  const kernels = [{ operators: DENSE_KERNELS, least: dense.quantization.length }];
  return { name, ...dense, kernels };
}

/** Forms of a model of texts. One without a table of note has no third form. */
export function textForms(model: ModelSpec): Form[] {
  const dense = denseForm(model, 'int8 layers');
  const whole = quantizeTables(dense.model);
  const both = {
    ...dense,
    name: 'int8',
    model: whole.model,
    quantization: [...dense.quantization, ...whole.quantization],
  };
  return [
    givenForm(model),
    ...(whole.quantization.length === 0 ? [{ ...dense, name: 'int8' }] : [dense, both]),
  ];
}
