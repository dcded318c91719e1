// Owns giving a finished text bundle new temperature, score and thresholds, by the texts of its recipe: a new unsigned bundle with
// the same weights. It never trains and never signs.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Manifest, NanofleetError } from '@nanofleet/protocol';
import { accuracy, argMax } from '@nanofleet/runtime';
import { type CheckedBundle, inspectBundle, loadTextRunner } from '@nanofleet/runtime/node';
import type { z } from 'zod';
import { decidedCounts } from '../bundle/decided-counts.ts';
import { parentDigest } from '../bundle/parent-digest.ts';
import { type boundSchema, recipeThresholds } from '../bundle/recipe-thresholds.ts';
import { CARD_FILE, writeBundle } from '../bundle/write-bundle.ts';
import { cardAnew } from './card-anew.ts';
import { type RecipeSubject, readRecipeSubject } from './recipe-subject.ts';

/**
 * Two processors may decide one text in a thousand differently; recipe and data of another bundle differ by more. A share of the judged
 * texts.
 */
const ACCURACY_TOLERANCE = 0.002;

/** What to calibrate. */
export interface Recalibration {
  /** Directory of the bundle. */
  readonly bundle: string;
  /** Its recipe, and the folder with the recipe's data. */
  readonly recipePath: string;
  readonly data: string;
  /** Directory of the new bundle. */
  readonly out: string;
  /** Changes the bound that the recipe states: gives one, or takes it away (null); absent, the recipe's stays. */
  readonly bound?: z.infer<typeof boundSchema> | null | undefined;
  /** Of a further release, the child of the bundle; absent, the same release is made anew. */
  readonly release?: { readonly version: string; readonly counter: number } | undefined;
}

/** What was made. Shares are 0..1, of validation and out-of-scope texts. */
export interface Recalibrated {
  readonly directory: string;
  readonly digest: string;
  readonly bytes: number;
  readonly temperature: number;
  /** Least and greatest confidence that counts as sure, over the labels. */
  readonly confidence: { readonly low: number; readonly high: number };
  readonly outOfScope: number;
  /** As the manifest records it; null without one. */
  readonly bound: NonNullable<Manifest['thresholds']['bound']> | null;
}

/**
 * Makes the new bundle.
 * @throws NanofleetError TRAINING_SET_INVALID if recipe or data are not those of the bundle, or the texts do not show the bound; codes of
 * `inspectBundle` for a bundle that does not check
 */
export async function recalibrate(given: Recalibration): Promise<Recalibrated> {
  const checked = await inspectBundle(given.bundle);
  const recipe = await readRecipeSubject(given.recipePath, given.data);
  const subject = given.bound === undefined ? recipe : { ...recipe, bound: given.bound ?? undefined };
  refuseOtherLabels(checked, { subject, recipe: given.recipePath });
  const card = await cardOf(given.bundle);
  const fitted = await fittedTo(checked, { subject, recipe: given.recipePath });
  const { digest, manifest } = checked;
  const { release } = given;
  const draft = {
    ...manifest,
    ...fitted,
    ...(release === undefined ? {} : { version: release.version, releaseCounter: release.counter }),
    parent: release === undefined ? await parentDigest(subject.parent, dirname(given.recipePath)) : digest,
  };
  const written = await writeBundle(given.out, {
    manifest: draft,
    files: checked.files,
    ...(await wireOf(given.bundle, manifest)),
    card: (facts) =>
      cardAnew(card, { before: checked, manifest: draft, coverage: subject.coverage, ...facts }),
  });
  return { directory: given.out, ...written, ...figuresOf(fitted) };
}

function refuseOtherLabels(
  { manifest }: CheckedBundle,
  { subject, recipe }: { readonly subject: RecipeSubject; readonly recipe: string },
): void {
  const [own, others] = [manifest.labels.names, subject.labels];
  const at = Array.from(own.length > others.length ? own : others).findIndex(
    (_, index) => own[index] !== others[index],
  );
  if (at === -1) return;
  throw new NanofleetError(
    'TRAINING_SET_INVALID',
    `the bundle has ${own.length} labels and recipe ${recipe} gives ${others.length}; the first that differs is number ${at + 1}: ${own[at] ?? 'none'} and ${others[at] ?? 'none'}. Give the recipe and the data that the bundle was made with.`,
    { facts: { file: recipe } },
  );
}

async function fittedTo(
  checked: CheckedBundle,
  { subject, recipe }: { readonly subject: RecipeSubject; readonly recipe: string },
): Promise<Pick<Manifest, 'calibration' | 'thresholds'>> {
  const runner = await loadTextRunner(checked);
  try {
    const logitsOf = async (text: string): Promise<Float32Array> => (await runner.decide(text)).logits;
    const texts = {
      inScope: await inTurn(
        subject.validation.map(({ text }) => text),
        logitsOf,
      ),
      gold: Int32Array.from(subject.validation, ({ label }) => label),
      outOfScope: await inTurn(subject.outOfScopeTuning, logitsOf),
    };
    refuseOtherTexts(checked.manifest, { found: accuracy(texts.inScope.map(argMax), texts.gold), recipe });
    const learned = subject.bound === undefined ? [] : subject.learned;
    const apart = await decidedCounts(learned, { classes: subject.labels.length, logitsOf });
    return recipeThresholds(texts, subject.labels, { ...subject, apart });
  } finally {
    await runner.release();
  }
}

async function inTurn(
  texts: readonly string[],
  logitsOf: (text: string) => Promise<Float32Array>,
): Promise<Float32Array[]> {
  const logits: Float32Array[] = [];
  for (const text of texts) logits.push(await logitsOf(text));
  return logits;
}

function refuseOtherTexts(
  { quality }: Manifest,
  { found, recipe }: { readonly found: number; readonly recipe: string },
): void {
  const stated = quality[0]?.accuracy;
  if (stated === undefined || Math.abs(stated - found) <= ACCURACY_TOLERANCE) return;
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  throw new NanofleetError(
    'TRAINING_SET_INVALID',
    `the bundle decides ${percent(found)} of the validation texts of recipe ${recipe} right, but its manifest states ${percent(stated)}: they are not the texts that it was judged with. Give the recipe and the data that the bundle was made with.`,
    { facts: { file: recipe } },
  );
}

async function cardOf(bundle: string): Promise<string> {
  try {
    return await readFile(join(bundle, CARD_FILE), 'utf8');
  } catch (cause) {
    throw new NanofleetError(
      'BUNDLE_FILE_MISSING',
      `${bundle} has no ${CARD_FILE}, which tells people what the new thresholds promise. Copy the bundle with it.`,
      { cause, facts: { file: CARD_FILE } },
    );
  }
}

async function wireOf(bundle: string, { files }: Manifest): Promise<{ wire?: Uint8Array }> {
  const name = files.find(({ role }) => role === 'infer.int8')?.wire?.name;
  return name === undefined ? {} : { wire: await readFile(join(bundle, name)) };
}

function figuresOf({ calibration, thresholds }: Pick<Manifest, 'calibration' | 'thresholds'>) {
  return {
    temperature: calibration.temperature,
    confidence: { low: Math.min(...thresholds.confidence), high: Math.max(...thresholds.confidence) },
    outOfScope: thresholds.outOfScope,
    bound: thresholds.bound ?? null,
  };
}
