/**
 * The controller's own bigger model: a verified bundle of the registry, loaded, swapped without failing a request, and
 * loaded again at each start. Keeps the one that runs when a new one does not load. Never stores a text.
 */

import {
  type Digest,
  MANIFEST_FILE,
  NanofleetError,
  parseManifest,
  type ScoredLabel,
  SIGNATURE_FILE,
} from '@nanofleet/protocol';
import type { TextRunner } from '@nanofleet/runtime';
import type { CancelTimer, Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { BlobStore } from '../models/blob-store.ts';
import { ModelsRepository } from '../models/models.repository.ts';
import { CLOCK } from '../ports/clock.ts';
import { LOAD_MODEL, type LoadModel } from '../ports/load-model.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { RolloutsRepository } from '../rollouts/rollouts.repository.ts';
import { TrustService } from '../trust/trust.service.ts';

/** What the mini tier made of a text. */
export interface MiniAnswer extends ScoredLabel {
  readonly version: string;
  readonly digest: Digest;
  readonly micros: number;
}

/** How soon a controller takes a mini tier that another one was given. */
const FOLLOW_EVERY_MS = 5_000;

interface Loaded {
  readonly runner: TextRunner;
  /** Requests in the model now. */
  inUse: number;
  isReplaced: boolean;
}

/** The mini tier. */
@Injectable()
export class MiniTier implements OnModuleDestroy {
  #loaded: Loaded | null = null;
  #restored: Promise<void> = Promise.resolve();
  #cancelFollow: CancelTimer = () => undefined;
  #tried: Digest | null = null;
  #isClosed = false;

  constructor(
    private readonly rollouts: RolloutsRepository,
    private readonly models: ModelsRepository,
    private readonly blobs: BlobStore,
    private readonly trust: TrustService,
    @Inject(LOAD_MODEL) private readonly loadModel: LoadModel,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Begins to load what ran before; requests wait for it. */
  restore(): void {
    this.#restored = this.#restore().catch((thrown: unknown) =>
      this.log.error('the mini tier could not be loaded', factsOf(thrown)),
    );
  }

  /** Looks now and then whether another controller of the fleet was given a newer bundle, and takes it, too. */
  follow(): void {
    this.#cancelFollow = this.clock.after(FOLLOW_EVERY_MS, () => {
      void this.#catchUp().finally(() => {
        if (!this.#isClosed) this.follow();
      });
    });
  }

  async #catchUp(): Promise<void> {
    try {
      await this.#restored;
      const newest = await this.#newest();
      // One that did not load is not tried again and again: the next rollout is.
      if (newest === null || newest === this.digest || newest === this.#tried) return;
      this.#tried = newest;
      await this.load(newest);
    } catch (thrown) {
      this.log.error('the mini tier could not be loaded', factsOf(thrown));
    }
  }

  /** Digest of the bundle that runs. */
  get digest(): Digest | null {
    return this.#loaded?.runner.digest ?? null;
  }

  /**
   * Verifies and loads a bundle, then lets new requests use it.
   * @throws NanofleetError of verifying or loading; then the one before goes on
   */
  async load(digest: Digest): Promise<void> {
    const files = await this.#filesOf(digest);
    const publisherFingerprints = await this.trust.knownPublisherKeyIds();
    const runner = await this.loadModel({ files, publisherFingerprints, digest });
    const before = this.#loaded;
    this.#loaded = { runner, inUse: 0, isReplaced: false };
    this.log.info('the mini tier runs', { digest, version: runner.version });
    if (before !== null) await retire(before);
  }

  /**
   * Asks the model.
   * @throws NanofleetError OFFLOAD_UNAVAILABLE when none is loaded; TEXT_* for a text that it cannot take
   */
  async decide(text: string): Promise<MiniAnswer> {
    await this.#restored;
    const loaded = this.#loaded;
    if (loaded === null) throw noMini();
    loaded.inUse += 1;
    const begun = this.clock.monotonicMicros();
    try {
      const { confidence, label, outOfScope, verdict } = await loaded.runner.decide(text);
      const micros = Math.round(this.clock.monotonicMicros() - begun);
      const { digest, version } = loaded.runner;
      return { label, confidence, outOfScope, verdict, version, digest, micros };
    } finally {
      loaded.inUse -= 1;
      if (loaded.isReplaced) await retire(loaded);
    }
  }

  /** Frees the model. */
  async onModuleDestroy(): Promise<void> {
    this.#cancelFollow();
    this.#isClosed = true;
    await this.#restored;
    if (this.#loaded !== null) await retire(this.#loaded);
    this.#loaded = null;
  }

  async #restore(): Promise<void> {
    const newest = await this.#newest();
    if (newest !== null) await this.load(newest);
  }

  async #newest(): Promise<Digest | null> {
    const ours = (await this.rollouts.latest()).filter(({ targetKind }) => targetKind === 'controller');
    return ours.sort((left, right) => right.position - left.position)[0]?.digest ?? null;
  }

  async #filesOf(digest: Digest): Promise<Map<string, Uint8Array>> {
    const row = await this.models.one(digest);
    if (row === undefined)
      throw new NanofleetError('MODEL_UNKNOWN', `The registry holds no bundle ${digest}.`);
    const manifestBytes = await this.blobs.read(digest);
    const files = new Map<string, Uint8Array>([
      [MANIFEST_FILE, manifestBytes],
      [SIGNATURE_FILE, Buffer.from(row.signature, 'utf8')],
    ]);
    // Only names are taken from it here; verifying comes next, over these very bytes.
    for (const { name, sha256 } of parseManifest(manifestBytes).files) {
      files.set(name, await this.blobs.read(sha256));
    }
    return files;
  }
}

/** Frees a replaced model once nobody uses it. */
const retire = async (loaded: Loaded): Promise<void> => {
  loaded.isReplaced = true;
  if (loaded.inUse === 0) await loaded.runner.release();
};

const noMini = () =>
  new NanofleetError(
    'OFFLOAD_UNAVAILABLE',
    'No mini tier is loaded; push one: nanofleet models push DIR --to controller.',
  );
