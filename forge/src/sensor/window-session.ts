// Owns running a device's graph over windows, one by one as a device does. It never trains and never judges.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { SINGLE_THREAD } from '../train/training-session.ts';
import type { SensorShape } from './network.ts';

/** Outputs of the device's graph for one window. */
export interface WindowOutputs {
  readonly logits: Float32Array;
  readonly penultimate: Float32Array;
}

/** Measures each run; `nowMs` is a monotonic clock with fractions. */
export interface RunTimer {
  readonly nowMs: () => number;
  onRun(milliseconds: number): void;
}

/** What is run. */
export interface DeviceGraph {
  readonly graph: Uint8Array;
  readonly shape: Pick<SensorShape, 'channels' | 'windowSamples'>;
}

/** The outputs of each window. */
export async function runWindows(
  { graph, shape }: DeviceGraph,
  windows: readonly Float32Array[],
  timer?: RunTimer,
): Promise<WindowOutputs[]> {
  const session = await InferenceSession.create(graph, SINGLE_THREAD);
  const outputs: WindowOutputs[] = [];
  for (const values of windows) {
    const window = new Tensor('float32', values, [1, shape.channels, shape.windowSamples]);
    const start = timer?.nowMs() ?? 0;
    const { logits, penultimate } = await session.run({ window });
    timer?.onRun(timer.nowMs() - start);
    outputs.push({ logits: copied(logits), penultimate: copied(penultimate) });
  }
  await session.release();
  return outputs;
}

const copied = (tensor: Tensor | undefined): Float32Array => Float32Array.from(tensor?.data as Float32Array);
