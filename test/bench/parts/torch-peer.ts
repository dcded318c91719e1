// PyTorch doing the steps of a model: a Python process that reads weights and batches from files and answers each line on its
// stdin with one block, a step for every batch. Knows how to say why there is none.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Tensor } from 'onnxruntime-node';
import { z } from 'zod';
import { ROOT } from './lone-agent.ts';
import type { TrainedModel } from './trained-models.ts';

/** CPU and wall time of one step, milliseconds, and the loss of every step of the block. */
export interface Block {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly losses: readonly number[];
}

/** How the rows of the table are trained; `sparse` is EmbeddingBag(sparse=True) with SparseAdam. */
export const FORMS = ['sparse', 'gathered'] as const;
/** One of them. */
export type Form = (typeof FORMS)[number];

const readySchema = z.union([z.object({ missing: z.string() }), z.object({ torch: z.string() })]);
const blockSchema = z.object({ cpuMs: z.number(), wallMs: z.number(), losses: z.array(z.number()) });

/** A process that trains. */
export class TorchPeer {
  /** Version of PyTorch. */
  readonly torch: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(torch: string, child: ChildProcess, lines: AsyncIterator<string>) {
    this.torch = torch;
    this.#child = child;
    this.#lines = lines;
  }

  /** A peer for the files in `directory`, or why there cannot be one. */
  static async start(
    directory: string,
    { python, form }: { readonly python: string; readonly form: Form },
  ): Promise<TorchPeer | { readonly missing: string }> {
    const script = join(ROOT, 'test', 'bench', 'parts', 'torch_step.py');
    const one = { OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' };
    const child = spawn(python, ['-W', 'ignore', script, directory, form], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...one },
    });
    const failed = new Promise<{ missing: string }>((resolve) =>
      child.once('error', ({ message }) => resolve({ missing: message })),
    );
    const lines = linesOf(createInterface({ input: child.stdout }));
    const ready = await Promise.race([failed, lines.next().then(({ value }) => saidBy(value, readySchema))]);
    return 'missing' in ready ? ready : new TorchPeer(ready.torch, child, lines);
  }

  async block(): Promise<Block> {
    this.#child.stdin?.write('block\n');
    return saidBy((await this.#lines.next()).value, blockSchema);
  }

  end(): void {
    this.#child.stdin?.end();
  }
}

const linesOf = (lines: Interface): AsyncIterator<string> => lines[Symbol.asyncIterator]();

function saidBy<T>(line: unknown, schema: z.ZodType<T>): T {
  if (typeof line !== 'string') throw new RangeError('the process of PyTorch ended; its message is above');
  return schema.parse(JSON.parse(line));
}

/** Writes weights and batches as `arrays.bin`, little endian, and what lies where as `arrays.json`. */
export async function writeModel(model: TrainedModel, directory: string): Promise<void> {
  const file = new Arrays();
  const parameters = Object.fromEntries(
    model.parameters.map(({ name, shape, elements }) => [name, file.put(elements, shape)]),
  );
  const batches = model.batches.map(({ rows, feeds }) => ({
    ...Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, file.putTensor(tensor)])),
    ...bagsOf(rows, file),
  }));
  const { kind, heads, layers, learningRate, weightDecay } = model;
  const header = { kind, heads, layers, learningRate, weightDecay, parameters, batches };
  await writeFile(join(directory, 'arrays.json'), JSON.stringify(header));
  await writeFile(join(directory, 'arrays.bin'), file.bytes());
}

/** The form of EmbeddingBag: all rows after each other, and where each bag starts. */
function bagsOf(bags: readonly Int32Array[], file: Arrays) {
  let at = 0;
  const starts = bags.map(({ length }) => (at += length) - length);
  const numbers = bags.flatMap((rows) => Array.from(rows, BigInt));
  const shares = Float32Array.from(bags, ({ length }) => 1 / Math.sqrt(Math.max(length, 1)));
  return {
    'bag.rows': file.put(BigInt64Array.from(numbers), [numbers.length]),
    'bag.starts': file.put(BigInt64Array.from(starts, BigInt), [starts.length]),
    'bag.shares': file.put(shares, [shares.length, 1]),
  };
}

type Elements = Float32Array | Int32Array | BigInt64Array;

class Arrays {
  readonly #parts: Buffer[] = [];
  #length = 0;

  put(elements: Elements, shape: readonly number[]) {
    const type =
      elements instanceof BigInt64Array ? 'int64' : elements instanceof Int32Array ? 'int32' : 'float32';
    const bytes = Buffer.from(elements.buffer, elements.byteOffset, elements.byteLength);
    const offset = this.#length;
    // Each on a multiple of eight bytes, as its reader wants it.
    this.#parts.push(bytes, Buffer.alloc(-bytes.length & 7));
    this.#length += bytes.length + (-bytes.length & 7);
    return { type, offset, shape };
  }

  putTensor({ data, dims }: Tensor) {
    if (data instanceof Float32Array || data instanceof Int32Array || data instanceof BigInt64Array)
      return this.put(data, dims);
    throw new RangeError('a batch holds float32, int32 and int64');
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
