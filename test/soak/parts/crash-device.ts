// A device whose disk goes wrong once: the real agent on a simulated disk, broker and clock, a model that is loaded once for
// all, and a controller that says what is desired and takes what comes. Never decides what is right afterwards.
import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { Agent, type AgentPorts, acceptInProcess, type Identity } from '@nanofleet/agent';
import {
  type DesiredState,
  decodeMessage,
  deltaName,
  encodeMessage,
  fileOfRole,
  isFrame,
  MANIFEST_FILE,
  type Message,
  modelStatement,
  parseManifest,
  SIGNATURE_FILE,
  topicOf,
} from '@nanofleet/protocol';
import { generateSigningKey, sha256Of, signBytes } from '@nanofleet/protocol/node';
import { encodeDelta, type Runner } from '@nanofleet/runtime';
import { loadRunner, trainHead } from '@nanofleet/runtime/node';
import { silentLog } from '@nanofleet/runtime/ports';
import {
  type BundleBadness,
  changedBundle,
  ManualClock,
  MemoryBroker,
  makeSeededRandom,
} from '@nanofleet/runtime/testing';
import { z } from 'zod';
import type { CrashDisk } from './crash-disk.ts';
import { type Listed, servedMetadata } from './crash-metadata.ts';
import { ROOT } from './starter.ts';

/** Turns of a story before it counts as stuck. */
const TURNS_MAX = 4_000;
const TURN_MS = 250;

const RELEASE_METADATA = '/state/release-metadata.json';
const versionSchema = z.int();
const acceptedSchema = z.object({
  versions: z.object({ timestamp: versionSchema, snapshot: versionSchema, targets: versionSchema }),
});

/** Who signs the releases. */
export const publisher = generateSigningKey();
const controller = generateSigningKey();
const bundle = new Map(
  readdirSync(`${ROOT}/bundles/nano-s`).map(
    (name) => [name, readFileSync(`${ROOT}/bundles/nano-s/${name}`)] as const,
  ),
);
const { line } = parseManifest(bundle.get(MANIFEST_FILE) ?? new Uint8Array());

/** The one that is enrolled. */
export const identity = {
  fleet: 'f',
  device: 'home-1',
  group: 'homes',
  credential: 'secret',
  brokerUrl: 'mqtt://127.0.0.1:1',
  controllerUrl: 'http://127.0.0.1:1',
  controllerKey: Buffer.from(controller.publicKey).toString('base64'),
  publisherFingerprints: [publisher.fingerprint],
} as Identity;

/** Texts that the model knows. */
export const TEXTS: readonly string[] = (
  JSON.parse(String(bundle.get('golden.json'))) as { cases: { text: string }[] }
).cases.map(({ text }) => text);

/** A release as the controller has it. */
export interface Release extends Listed {
  readonly wish: DesiredState['lines'][typeof line];
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  readonly model: Uint8Array;
}

/** Makes a release; its model differs from that of any other counter. */
export const releaseOf = (releaseCounter: number, badness?: BundleBadness): Release => {
  const changed = badness ?? ({ kind: 'slow', rows: releaseCounter } as const);
  const files = changedBundle(bundle, { key: publisher, releaseCounter, badness: changed });
  const manifestBytes = files.get(MANIFEST_FILE) ?? new Uint8Array();
  const manifest = parseManifest(manifestBytes);
  const digest = sha256Of(manifestBytes);
  return {
    ...{ digest, manifest, manifestBytes },
    wish: { digest, releaseCounter, bytes: modelStatement(manifest, 'any').bytes },
    model: files.get(fileOfRole(manifest, 'infer.int8')?.name ?? '') ?? new Uint8Array(),
    blobs: new Map<string, Uint8Array>([
      [digest, manifestBytes],
      [`${digest}.sig`, files.get(SIGNATURE_FILE) ?? new Uint8Array()],
      ...manifest.files.map(({ name, sha256 }) => [sha256, files.get(name) ?? new Uint8Array()] as const),
    ]),
  };
};

/** The same with the delta that leads to it from another. */
export const byDelta = (from: Release, to: Release): Release => ({
  ...to,
  blobs: new Map(to.blobs).set(
    deltaName(sha256Of(from.model), sha256Of(to.model)),
    encodeDelta(from.model, to.model),
  ),
});

const loaded = new Map<string, Runner>();
/** Loads each version once for all devices. */
export const load: AgentPorts['load'] = async (given) => {
  const known = loaded.get(given.digest) ?? (await loadRunner(given));
  loaded.set(given.digest, known);
  return { ...known, release: () => Promise.resolve() };
};

/** What is desired, as the controller says it. */
export const desired = (version: number, change: Partial<DesiredState>): Message => {
  const { device, fleet, group } = identity;
  const state = { fleet, device, group, version, lines: {}, offload: 'mini', issuedAt: 1, ...change };
  const signed = JSON.stringify(state);
  const signature = signBytes(controller, Buffer.from(signed));
  const body = { signed, signature, keyId: controller.fingerprint };
  return { kind: 'desired', device, at: 1, body };
};

/** Finds nothing: what a bad release shows is left to its probation. */
export const blind: AgentPorts['acceptance'] = {
  try: () =>
    Promise.resolve({
      ...{ inputs: 0, failed: 0, notFinite: 0, comparable: 0, disagreed: 0, abstained: 0 },
      ...{ fastest: { inputs: 0, running: 0, candidate: 0 }, memory: null },
    }),
};

/** One process of the device. */
export class CrashDevice {
  readonly clock: ManualClock;
  readonly broker = new MemoryBroker();
  readonly disk: CrashDisk;
  readonly agent: Agent;
  /** Version of the newest root. */
  readonly #root: number;

  /** Throws what the agent cannot start from. @param options.atMs of the clock */
  constructor(disk: CrashDisk, options: { releases: readonly Release[]; isBlind?: boolean; atMs?: number }) {
    this.disk = disk;
    this.clock = new ManualClock(options.atMs);
    const { clock } = this;
    const releases = [...new Set(options.releases)];
    this.#root = releases.length;
    const metadata = servedMetadata({ fleet: identity.fleet, publisher, controller }, releases);
    const blobs = new Map([...releases.flatMap((release) => [...release.blobs]), ...metadata]);
    this.agent = new Agent(
      { directory: '/state', identity, beatMs: 5_000 },
      {
        clock,
        disk,
        load,
        acceptance: options.isBlind === true ? blind : acceptInProcess({ clock, disk, load }),
        random: makeSeededRandom(clock.unixMs()),
        transport: this.broker.transport,
        blobs: {
          fetch: (name, { from, length }) => {
            const whole = blobs.get(name) ?? new Uint8Array();
            return Promise.resolve({ bytes: whole.subarray(from, from + length), totalBytes: whole.length });
          },
        },
        host: {
          ...{ arch: 'test', nodeVersion: 'v0', memoryBytes: 1e9, rssBytes: () => 1, cpuSeconds: () => 1 },
          boot: () => ({ id: 'boot', uptimeMs: clock.monotonicMicros() / 1_000 }),
        },
        log: silentLog,
        trainer: {
          train: (training, signal) =>
            trainHead(training, { monotonicMicros: () => 0, breathe: () => Promise.resolve(), signal }),
        },
        engine: { name: 'onnxruntime-node', version: '0' },
      },
    );
  }

  /** Says what is desired, as the controller does. */
  desire(version: number, change: Partial<DesiredState>): void {
    this.tell(desired(version, { metadata: { root: this.#root }, ...change }), { kind: 'desired' });
  }

  /** Tells the device something; it is kept for when it connects. */
  tell(message: Message, channel: Parameters<typeof topicOf>[0]['channel']): void {
    const { device, fleet } = identity;
    this.broker.publish(topicOf({ fleet, device, channel }), encodeMessage(message), { isRetained: true });
  }

  /** Versions of the release metadata that lie on the disk; null where none do. */
  get accepted(): z.output<typeof acceptedSchema>['versions'] | null {
    const bytes = this.disk.read(RELEASE_METADATA);
    return bytes === null ? null : acceptedSchema.parse(JSON.parse(Buffer.from(bytes).toString())).versions;
  }

  /** Whether it has accepted all that the publishers have signed. */
  get hasAcceptedAll(): boolean {
    const { snapshot, targets, timestamp } = this.accepted ?? {};
    return [timestamp, snapshot, targets].every((version) => version === this.#root);
  }

  /** What the line does. */
  get report() {
    return this.agent.status().lines[line];
  }

  /** Ids of the decisions that have arrived. */
  get arrived(): Set<string> {
    const events = this.broker.seen.filter(
      ({ payload, topic }) => topic.endsWith('/event') && !isFrame(payload),
    );
    return new Set(
      events.flatMap(({ payload }) => {
        const { body } = decodeMessage(payload) as Message<'event'>;
        return body.type === 'decision' ? [body.decision] : [];
      }),
    );
  }

  /** Lets time pass until something holds or the process has ended; false when neither comes. */
  async until(holds: () => boolean): Promise<boolean> {
    for (let turns = 0; turns < TURNS_MAX; turns += 1) {
      if (this.disk.isEnded || holds()) return true;
      await turn();
      this.clock.advance(TURN_MS);
    }
    return false;
  }
}

/** Frees the models. */
export const releaseAll = async (): Promise<void> => {
  for (const runner of loaded.values()) await runner.release();
  loaded.clear();
};
