// Owns refusing a form whose integer layers ONNX Runtime would not run in integer kernels: it would be right, and slower than float32
// without a word. It never changes a graph.
import { optimizedOperators } from '../onnx/optimized-graph.ts';
import { refused } from './foreign-graph.ts';

/** Kernels of which the optimized graph must hold at least so many together. */
export interface ExpectedKernels {
  readonly operators: readonly string[];
  readonly least: number;
}

/** What one dynamic quantization in front of one product becomes, and what each product behind a shared one does. */
export const DENSE_KERNELS = ['DynamicQuantizeMatMul', 'MatMulIntegerToFloat'] as const;

/** Looks at the optimized graph. @throws NanofleetError `GRAPH_UNSUPPORTED` */
export async function checkFusion(
  graph: Uint8Array,
  { name, kernels }: { readonly name: string; readonly kernels: readonly ExpectedKernels[] },
): Promise<void> {
  if (kernels.every(({ least }) => least === 0)) return;
  const found = await optimizedOperators(graph);
  for (const { operators, least } of kernels) {
    const count = found.filter((operator) => operators.includes(operator)).length;
    if (count < least)
      throw refused(
        `in ${name} ${least} layers should run as ${operators.join(' or ')}, and ONNX Runtime makes ${count} of them; keep it with --keep-float`,
      );
  }
}
