// Owns what several teachers say of many texts together: the mean of their logits, kept in files, since it takes minutes
// and every student of the same teachers asks the same. It never trains.
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readArrayFile, writeArrayFile } from '../train/array-file.ts';
import { type Network, networkLogits, networkTable } from './networks.ts';

/** A trained teacher under a name that tells it from others. */
export interface Teacher {
  readonly name: string;
  readonly network: Network;
}

/** Mean logits [texts, labels], row major. `directory` keeps what each teacher said, for the next student. */
export async function teacherLogits(
  teachers: readonly Teacher[],
  texts: readonly string[],
  directory: string,
): Promise<Float32Array> {
  let sum: Float32Array | undefined;
  for (const teacher of teachers) {
    const logits = await kept(teacher, texts, directory);
    const before = sum;
    sum = before ? before.map((logit, at) => logit + (logits[at] ?? 0)) : logits;
  }
  return (sum ?? new Float32Array()).map((logit) => logit / teachers.length);
}

async function kept(
  { name, network }: Teacher,
  texts: readonly string[],
  directory: string,
): Promise<Float32Array> {
  const answers = join(directory, 'answers');
  const path = join(answers, `${digestOf([name, weightsDigest(network), ...texts])}.bin`);
  const known = (await readArrayFile(path))?.arrays.get('logits');
  if (known) return known;
  const logits = await networkLogits(network, texts);
  await mkdir(answers, { recursive: true });
  await writeArrayFile(path, {
    meta: { teacher: name, texts: texts.length },
    arrays: new Map([['logits', logits]]),
  });
  return logits;
}

function weightsDigest(network: Network): string {
  const table = networkTable(network);
  return createHash('sha256')
    .update(new Uint8Array(table.buffer, table.byteOffset, table.byteLength))
    .digest('hex');
}

function digestOf(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part}\n`);
  return hash.digest('hex').slice(0, 32);
}
