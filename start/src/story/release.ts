/**
 * Releases of the story: the next release counter of a line, a copy of a bundle under another version, and how far a
 * rollout has come. Signing and uploading are the CLI's, in its own process.
 */
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  encodeManifest,
  MANIFEST_FILE,
  parseManifest,
  type Rollout,
  type RolloutPhase,
  type RolloutPlan,
  rolloutPlanSchema,
  SIGNATURE_FILE,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { z } from 'zod';
import { DEVICES, type DeviceName } from '../fleet.ts';
import type { Stage } from './step.ts';
import { lookUntil } from './step.ts';

const DECIDED_WITHIN_MS = 90_000;
const THROUGH_WITHIN_MS = 300_000;
/** Phases in which a rollout waits for nobody but a person. */
const ENDS: readonly RolloutPhase[] = ['done', 'paused', 'aborted', 'rolled-back', 'superseded'];
/** Field 6 of an ONNX ModelProto, `doc_string`, length-delimited: a note at the end changes the file, not the model. */
const DOC_STRING_TAG = 0x32;

const pushedSchema = z.object({ model: z.object({ digest: z.string() }) });

/** The release counter that comes next for the line `intent`. */
export async function nextCounter({ fleet }: Stage): Promise<number> {
  const { items } = await fleet.operator.call('models');
  return (
    Math.max(
      0,
      ...items.filter(({ line }) => line === 'intent').map(({ releaseCounter }) => releaseCounter),
    ) + 1
  );
}

/** Copies a bundle; with `release`, as a new one of that counter and version whose graph carries a note of it. */
export async function prepareBundle(options: {
  from: string;
  to: string;
  release?: { counter: number; version: string };
}): Promise<void> {
  await rm(options.to, { recursive: true, force: true });
  await cp(options.from, options.to, { recursive: true });
  await rm(join(options.to, SIGNATURE_FILE), { force: true });
  if (options.release !== undefined) await releaseAgain(options.to, options.release);
}

async function releaseAgain(directory: string, release: { counter: number; version: string }): Promise<void> {
  const manifest = parseManifest(await readFile(join(directory, MANIFEST_FILE)));
  const graph = manifest.files.find(({ role }) => role === 'infer.int8');
  const note = Buffer.from(`release ${release.counter}`);
  const files = await Promise.all(
    manifest.files.map(async (file) => {
      if (file !== graph) return file;
      const path = join(directory, file.name);
      const bytes = Buffer.concat([await readFile(path), Buffer.of(DOC_STRING_TAG, note.length), note]);
      await writeFile(path, bytes);
      return { ...file, sha256: sha256Of(bytes), bytes: bytes.length };
    }),
  );
  const draft = { ...manifest, files, releaseCounter: release.counter, version: release.version };
  await writeFile(join(directory, MANIFEST_FILE), encodeManifest(draft));
}

/** Signs a bundle and puts it into the registry; its digest. */
export async function signAndUpload({ fleet }: Pick<Stage, 'fleet'>, directory: string): Promise<string> {
  await fleet.commands.run('models', 'sign', directory);
  const pushed = pushedSchema.parse(await fleet.commands.run('models', 'push', directory));
  return pushed.model.digest;
}

/** Makes a bundle the desired one of all devices: at once, or in waves. */
export const rollOut = ({ fleet }: Stage, digest: string, plan?: RolloutPlan): Promise<Rollout> =>
  fleet.operator.call('makeRollout', {
    body: { digest, target: { all: true }, ...(plan === undefined ? {} : { plan }) },
  });

/** Devices of the first wave, the first by name. */
export const FIRST_WAVE: readonly DeviceName[] = ['home-1', 'home-2'];

/**
 * Two devices first, then the others if the gate lets them. Two homes say a few hundred different sentences: enough to
 * exclude a loss of five points, not one of the 1.5 that fleets are held to.
 */
export const WAVES: RolloutPlan = rolloutPlanSchema.parse({
  waves: [{ count: FIRST_WAVE.length }],
  gate: { decisions: 150, harmPoints: 5 },
});

/** Looks at a rollout in waves until nothing more happens to it by itself. */
export function through({ world, fleet }: Stage, id: string): Promise<Rollout> {
  return lookUntil(world, {
    look: () => fleet.operator.call('rollout', { params: { id } }),
    until: ({ course }) => course !== null && ENDS.includes(course.phase),
    withinMs: THROUGH_WITHIN_MS,
    everyMs: 200,
  });
}

/** What both models of a wave made of the same texts: shares of those that were judged, null before any was. */
export function pairsOf({ course }: Rollout): { newOnly: number | null; formerOnly: number | null } {
  const pairs = course?.gate?.signals.find(({ signal }) => signal === 'pairs');
  return { newOnly: pairs?.exposed ?? null, formerOnly: pairs?.control ?? null };
}

/** Looks at a rollout until every device of the story has decided. */
export function decided({ world, fleet }: Stage, id: string): Promise<Rollout> {
  return lookUntil(world, {
    look: () => fleet.operator.call('rollout', { params: { id } }),
    until: ({ counts }) => counts.running + counts.refused >= DEVICES.length,
    withinMs: DECIDED_WITHIN_MS,
  });
}

/** What each agent itself says it runs: device → line → version and digest. */
export async function loaded({
  fleet,
}: Pick<Stage, 'fleet'>): Promise<Record<string, Record<string, RunningBundle>>> {
  const entries = await Promise.all(
    fleet.devices.map(async (device) => {
      const { lines } = await fleet.agent(device).status();
      const running = Object.entries(lines).flatMap(([line, report]) =>
        report.running === null ? [] : [[line, report.running] as const],
      );
      return [device, Object.fromEntries(running)] as const;
    }),
  );
  return Object.fromEntries(entries);
}

interface RunningBundle {
  readonly version: string;
  readonly digest: string;
}
