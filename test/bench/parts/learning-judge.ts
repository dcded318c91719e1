// Judges a bundle, sentence by sentence, so that two bundles can be compared in pairs. Looks at the int8 graph that
// devices would run, never at a float head.

import type { FileRole, HashedTextManifest } from '@nanofleet/protocol';
import { type Head, nothingScored, scoreLogits } from '@nanofleet/runtime';
import {
  type CheckedBundle,
  fileOf,
  makeCandidate,
  TextModel,
  textManifestOf,
} from '@nanofleet/runtime/node';
import type { Base } from './learning.ts';
import type { Said } from './learning-sentences.ts';

const OUT_OF_SCOPE = 'oos';

/** What a device would say of one sentence, beside what is right. */
interface Heard {
  readonly intent: string;
  readonly isRight: boolean;
  readonly isSure: boolean;
}

/** A model on one set of sentences. */
export interface Judgement {
  /** Rightness of each sentence of an old intent, in the order of the set. */
  readonly old: readonly boolean[];
  /** Shares, 0..1; NaN where the set has no such sentence. */
  readonly newRecall: number;
  /** New intents that are answered right on the device, without asking a bigger tier. */
  readonly newOwn: number;
  /** Out-of-scope sentences that are not answered as sure. */
  readonly outOfScopeAsked: number;
}

/** What is needed to run a model. */
export interface Runnable {
  readonly graph: Uint8Array;
  readonly manifest: HashedTextManifest;
}

/** The bundle itself as something to judge. */
export const runnableOf = (bundle: CheckedBundle): Runnable => ({
  graph: fileOf(bundle, 'infer.int8'),
  manifest: textManifestOf(bundle),
});

/** The candidate that the controller would make of a head. */
export async function candidateOf(base: Base, head: Head, heldOut: readonly Said[]): Promise<Runnable> {
  const { files, manifest } = await makeCandidate({
    parent: base.bundle,
    head,
    labels: { version: textManifestOf(base.bundle).labels.version + 1, added: base.added },
    examples: heldOut,
    release: { version: 'bench', counter: textManifestOf(base.bundle).releaseCounter + 1 },
    breathe: () => Promise.resolve(),
  });
  return { graph: bytesOf(files, 'infer.int8'), manifest };
}

function bytesOf(files: ReadonlyMap<FileRole, Uint8Array>, role: FileRole): Uint8Array {
  return files.get(role) ?? new Uint8Array();
}

/** Judges a model on sentences; `added` are the labels that count as new. */
export async function judge(
  { graph, manifest }: Runnable,
  { said, added }: { readonly said: readonly Said[]; readonly added: readonly string[] },
): Promise<Judgement> {
  const model = await TextModel.open(graph, manifest.text, 'judged');
  const scoring = { ...manifest, labels: manifest.labels.names };
  const heard: Heard[] = [];
  for (const { text, intent } of said) {
    const { logits, isEmpty } = await model.compute(text);
    const { label, verdict } = isEmpty ? nothingScored(logits, scoring) : scoreLogits(logits, scoring);
    heard.push({ intent, isRight: label === intent, isSure: verdict === 'sure' });
  }
  await model.release();
  const fresh = heard.filter(({ intent }) => added.includes(intent));
  const foreign = heard.filter(({ intent }) => intent === OUT_OF_SCOPE);
  return {
    old: heard
      .filter(({ intent }) => intent !== OUT_OF_SCOPE && !added.includes(intent))
      .map(({ isRight }) => isRight),
    newRecall: share(fresh, ({ isRight }) => isRight),
    newOwn: share(fresh, ({ isRight, isSure }) => isRight && isSure),
    outOfScopeAsked: share(foreign, ({ isSure }) => !isSure),
  };
}

const share = <T>(all: readonly T[], test: (one: T) => boolean): number =>
  all.filter(test).length / all.length;
