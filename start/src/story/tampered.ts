/**
 * Step 6: an attacker with the controller's disk. A further version is properly signed and uploaded; then one byte of its
 * graph is flipped where the controller keeps it, and it is made the desired one. Every device must refuse it.
 */
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NanofleetError, parseManifest } from '@nanofleet/protocol';
import { DEVICES } from '../fleet.ts';
import type { Release } from './new-version.ts';
import { decided, loaded, nextCounter, prepareBundle, rollOut, signAndUpload } from './release.ts';
import { lookUntil, outcomeOf, type Stage, type Step } from './step.ts';

const LINE = 'intent';
const CODE = 'DIGEST_MISMATCH';
const RETURNED_WITHIN_MS = 30_000;

/** Digest of the graph of a bundle directory. */
async function graphOf(directory: string): Promise<string> {
  const manifest = parseManifest(await readFile(join(directory, 'manifest.json')));
  return manifest.files.find(({ role }) => role === 'infer.int8')?.sha256 ?? '';
}

/** Flips one bit in the middle of a blob where the controller keeps it. */
async function flip(controllerDirectory: string, digest: string): Promise<void> {
  const files = await readdir(controllerDirectory, { recursive: true });
  const name = files.find((path) => path.endsWith(digest));
  if (name === undefined) {
    throw new NanofleetError('BUNDLE_FILE_MISSING', `No blob ${digest} lies below ${controllerDirectory}.`);
  }
  const file = await open(join(controllerDirectory, name), 'r+');
  try {
    const { size } = await file.stat();
    const at = Math.floor(size / 2);
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    await file.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, at);
  } finally {
    await file.close();
  }
}

async function play(stage: Stage, good: () => Release | null) {
  const release = good();
  const { fleet, world } = stage;
  if (release === null)
    return outcomeOf({ lines: [], evidence: {}, checks: [[false, 'expected a version before']] });
  const counter = await nextCounter(stage);
  const directory = fleet.layout.bundle(`intent-${counter}-tampered`);
  await prepareBundle({
    from: release.directory,
    to: directory,
    release: { counter, version: `${counter}.0.0` },
  });
  const digest = await signAndUpload(stage, directory);
  await flip(fleet.layout.controller, await graphOf(directory));
  const made = await rollOut(stage, digest);
  const rollout = await decided(stage, made.id);
  const codes = rollout.devices.map(({ code }) => code ?? 'none');
  const running = await loaded(stage);
  const still = fleet.devices.filter((device) => running[device]?.[LINE]?.digest === release.digest);
  const back = await rollOut(stage, release.digest);
  const returned = await lookUntil(world, {
    look: () => fleet.operator.call('rollout', { params: { id: back.id } }),
    until: ({ counts }) => counts.running >= DEVICES.length,
    withinMs: RETURNED_WITHIN_MS,
  });
  const refusals = codes.filter((code) => code === CODE).length;
  return outcomeOf({
    lines: [
      `version ${counter}, one bit flipped on the controller's disk: refused by ${refusals} of ${DEVICES.length} devices`,
      `${[...new Set(codes)].join(', ')}; ${still.length} of ${DEVICES.length} still run version ${release.version}`,
    ],
    evidence: { digest, codes, stillRunning: still, returned: returned.counts },
    checks: [
      [
        refusals === DEVICES.length,
        `expected 5 refusals with ${CODE}, seen ${JSON.stringify(rollout.devices)}`,
      ],
      [
        still.length === DEVICES.length,
        `expected 5 still on ${release.digest}, seen ${JSON.stringify(running)}`,
      ],
      [
        returned.counts.running === DEVICES.length,
        `expected all settled on it again, seen ${JSON.stringify(returned.counts)}`,
      ],
    ],
  });
}

/** The tampered version; `good` gives the one that runs. */
export const tampered = (good: () => Release | null): Step => ({
  name: 'tampered-version',
  doing: 'a tampered version reaches the devices',
  play: (stage) => play(stage, good),
});
