/** A slot of the line of a real bundle on a real disk with the real engine, for tests of releases that are bad. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MANIFEST_FILE, parseManifest, SIGNATURE_FILE } from '@nanofleet/protocol';
import { generateSigningKey, sha256Of } from '@nanofleet/protocol/node';
import { loadRunner } from '@nanofleet/runtime/node';
import { type BundleBadness, changedBundle } from '@nanofleet/runtime/testing';
import type { BlobSource } from '../ports/blob-source.ts';
import { fileDisk } from '../ports/file-disk.ts';
import { systemClock } from '../ports/system-clock.ts';
import type { Acceptance } from '../trial/acceptance.ts';
import { makeChildAcceptance } from '../trial/child-acceptance.ts';
import type { LineSlotOptions } from './line-slot.ts';
import type { Wish } from './slots.machine.ts';
import { type MadeSlot, makeSlot } from './test-slots.ts';

const BUNDLE = new URL('../../../bundles/nano-s/', import.meta.url);
const LINE = 'intent';

const key = generateSigningKey();
const committed = new Map(
  readdirSync(BUNDLE).map((name) => [name, readFileSync(new URL(name, BUNDLE))] as const),
);

/** Texts of the golden vectors: what the devices of these tests hear. */
export const heardTexts: readonly string[] = (
  JSON.parse(readFileSync(new URL('golden.json', BUNDLE), 'utf8')) as { cases: { text: string }[] }
).cases.map(({ text }) => text);

/** A release, and where its bytes come from. */
export interface RealRelease {
  readonly wish: Wish;
  readonly blobs: BlobSource;
}

/** Another release of the bundle. */
export const releaseOf = (releaseCounter: number, badness?: BundleBadness): RealRelease => {
  const files = changedBundle(committed, {
    key,
    releaseCounter,
    ...(badness === undefined ? {} : { badness }),
  });
  const manifestBytes = files.get(MANIFEST_FILE) ?? new Uint8Array();
  const digest = sha256Of(manifestBytes);
  const blobs = new Map<string, Uint8Array>([
    [digest, manifestBytes],
    [`${digest}.sig`, files.get(SIGNATURE_FILE) ?? new Uint8Array()],
    ...parseManifest(manifestBytes).files.map(
      ({ name, sha256 }) => [sha256, files.get(name) ?? new Uint8Array()] as const,
    ),
  ]);
  const fetch: BlobSource['fetch'] = (name, { from, length }) => {
    const whole = blobs.get(name) ?? new Uint8Array();
    return Promise.resolve({ bytes: whole.subarray(from, from + length), totalBytes: whole.length });
  };
  return { wish: { digest, releaseCounter }, blobs: { fetch } };
};

/** The real acceptance. */
export const realAcceptance = (options: Parameters<typeof makeChildAcceptance>[1] = {}): Acceptance =>
  makeChildAcceptance(systemClock, options);

/** A slot that is gone with its directory after `remove`. */
export interface RealSlot extends MadeSlot {
  readonly remove: () => Promise<void>;
  /** Decides on a text by whatever serves, as a program that asks would have it. */
  readonly decide: (text: string) => Promise<string>;
}

/** Makes a slot in a directory of its own. */
export const makeRealSlot = (change: Partial<LineSlotOptions> = {}): RealSlot => {
  const directory = mkdtempSync(join(tmpdir(), 'nanofleet-slot-'));
  const ports = { disk: fileDisk, clock: systemClock, publisherFingerprints: [key.fingerprint] };
  const made = makeSlot(ports, {
    directory: join(directory, LINE),
    load: (bundle) => loadRunner(bundle),
    acceptance: realAcceptance(),
    probation: { leastMs: 400, mostMs: 3_000, inputs: 12 },
    ...change,
  });
  return {
    ...made,
    decide: async (text) => {
      const { runner, giveBack } = made.lines.lease('text-intent', LINE);
      try {
        const { label } = await runner.decide(text);
        made.inputs.saw(LINE, { task: 'text-intent', text });
        return label;
      } finally {
        giveBack();
      }
    },
    remove: async () => {
      await made.slot.close();
      await made.lines.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
};
