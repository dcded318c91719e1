/**
 * The publishers' word on releases, beside the controller's: whatever a device is to take must be among their targets, and both must say
 * the same of it. Owns what was accepted last and the time that expiry is judged by; never a bundle's bytes.
 */
import {
  type DesiredState,
  type ErrorCode,
  type MetadataDocument,
  type MetadataLink,
  type ModelTarget,
  metadataName,
  type NanofleetError,
  type Reported,
  ROOTS_AT_ONCE_MAX,
  type Target,
  TIMESTAMP_NAME,
  toNanofleetError,
} from '@nanofleet/protocol';
import {
  type Believed,
  checkFresh,
  firstRoot,
  nextRoot,
  readSnapshot,
  readTargets,
  readTimestamp,
  sha256Of,
} from '@nanofleet/protocol/node';
import type { Clock, Disk, Log } from '@nanofleet/runtime/ports';
import type { BlobSource } from '../ports/blob-source.ts';
import type { Identity } from '../store/identity.ts';
import { checkTarget, type Wanted, type WantedModel } from './check-target.plan.ts';
import { fetchMetadata } from './fetch-metadata.ts';
import { formerKeys, readTrustState, type TrustState, underRoot, writeTrustState } from './trust-state.ts';

/** What it needs. */
export interface ReleaseTrustOptions {
  readonly clock: Pick<Clock, 'monotonicMicros'>;
  readonly disk: Disk;
  readonly log: Log;
  readonly blobs: BlobSource;
  /** State directory. */
  readonly directory: string;
  readonly identity: Pick<Identity, 'fleet' | 'publisherFingerprints' | 'root'>;
  /** As `linux-arm64`. */
  readonly hardware: string;
  /** Told when another root counts. */
  readonly followed: () => void;
  /** Told what is wrong with the metadata, and when nothing is any more. */
  readonly failing: (error: NanofleetError | null) => void;
}

/** What of a desired state says how the metadata stands. */
type Said = Pick<DesiredState, 'issuedAt' | 'metadata'>;

const isAboutMetadata = ({ code }: { code: ErrorCode }): boolean => code.startsWith('METADATA_');

/** What the publishers have released. */
export class ReleaseTrust {
  readonly #options: ReleaseTrustOptions;
  #state: TrustState | null;
  #said: Said | null = null;
  /** When that was heard, monotonic microseconds. */
  #heardAt = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @throws NanofleetError STATE_CORRUPT */
  constructor(options: ReleaseTrustOptions) {
    this.#options = options;
    this.#state = readTrustState(options.disk, options.directory);
  }

  /** Fingerprints of keys whose bundles may lie here: what is new must be among the targets as well. */
  get publisherFingerprints(): readonly string[] {
    return [...this.#options.identity.publisherFingerprints, ...(this.#state?.publishers ?? [])];
  }

  /** Which root was followed, as messages say it. */
  report(): Pick<Reported, 'metadata'> {
    return this.#state === null ? {} : { metadata: { root: this.#state.root.signed.version } };
  }

  /**
   * Takes what a desired state that counts says of the metadata. A root that is news is followed at once, so that a key that was
   * revoked ends with the next connection and not with the next release.
   */
  follow(said: Said): void {
    this.#said = said;
    this.#heardAt = this.#options.clock.monotonicMicros();
    this.catchUp();
  }

  /** Follows the newest root that was heard of, if it was not followed yet. To be called whenever the controller can be reached again. */
  catchUp(): void {
    const newest = this.#said?.metadata?.root ?? 0;
    if (newest <= (this.#state?.root.signed.version ?? 0)) return;
    void this.#refresh().catch((thrown: unknown) =>
      this.#options.log.warn('metadata-not-taken', {
        code: toNanofleetError(thrown).code,
        why: String(thrown),
      }),
    );
  }

  /**
   * What the publishers say of a model; null where the fleet has no metadata and this device has never met any.
   * @throws NanofleetError METADATA_*, TARGET_UNKNOWN, TARGET_DISAGREES, HARDWARE_WRONG
   */
  async allowModel(wanted: Omit<WantedModel, 'kind'>): Promise<ModelTarget | null> {
    const target = await this.#allow({ kind: 'model', ...wanted });
    return target?.kind === 'model' ? target : null;
  }

  /** The same of a release of the agent. */
  async allowAgent(wanted: { readonly digest: string; readonly version: string }): Promise<void> {
    await this.#allow({ kind: 'agent', ...wanted });
  }

  async #allow(wanted: Wanted): Promise<Target['custom'] | null> {
    const isInForce = this.#state !== null || this.#options.identity.root !== undefined;
    if (!isInForce && this.#said?.metadata === undefined) return null;
    const { targets } = await this.#refresh();
    return checkTarget(targets.signed, wanted, this.#options.hardware);
  }

  /** One after the other: each begins with what the one before has accepted. */
  #refresh(): Promise<Complete> {
    const done = this.#last.then(() => this.#look());
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #look(): Promise<Complete> {
    const { failing } = this.#options;
    try {
      const state = await this.#update();
      failing(null);
      return state;
    } catch (thrown) {
      const error = toNanofleetError(thrown);
      if (isAboutMetadata(error)) failing(error);
      // As it is: a full disk is told apart by whoever tries again.
      throw thrown;
    }
  }

  async #update(): Promise<Complete> {
    const root = await this.#followRoots();
    const believed = { ...this.#believed(root), root: root.root.signed };
    checkFresh(root.root, believed.nowMs);
    const timestamp = readTimestamp(await this.#fetch(TIMESTAMP_NAME), believed);
    const complete = await this.#releases(root, believed, timestamp.signed.meta['snapshot.json']);
    const next = {
      ...complete,
      versions: {
        timestamp: timestamp.signed.version,
        snapshot: complete.snapshot.signed.version,
        targets: complete.targets.signed.version,
      },
      // Only now: a controller whose clock is far ahead has let all this expire, and must not take the device along.
      floorMs: Math.max(root.floorMs, Math.floor(believed.nowMs)),
    };
    this.#keep(next);
    return next;
  }

  /** Snapshot and targets: those that are here, where the timestamp leads to them. They were checked under these very keys. */
  async #releases(
    { snapshot, targets, ...state }: TrustState,
    believed: Believed,
    link: MetadataLink,
  ): Promise<Complete> {
    const newest = isLinked(snapshot, link)
      ? snapshot
      : readSnapshot(await this.#fetch(metadataName('snapshot', link.version)), link, believed);
    checkFresh(newest, believed.nowMs);
    const next = newest.signed.meta['targets.json'];
    const listed = isLinked(targets, next)
      ? targets
      : readTargets(await this.#fetch(metadataName('targets', next.version)), next, believed);
    checkFresh(listed, believed.nowMs);
    return { ...state, snapshot: newest, targets: listed };
  }

  async #followRoots(): Promise<TrustState> {
    const { fleet } = this.#options.identity;
    let state = this.#state ?? (await this.#begin());
    const newest = this.#said?.metadata?.root ?? 0;
    for (let steps = 0; state.root.signed.version < newest && steps < ROOTS_AT_ONCE_MAX; steps += 1) {
      const bytes = await this.#fetch(metadataName('root', state.root.signed.version + 1));
      const next = nextRoot(bytes, { fleet, root: state.root.signed, former: formerKeys(state) });
      state = underRoot(state, next);
      this.#keep(state);
    }
    return state;
  }

  async #begin(): Promise<TrustState> {
    const { fleet, publisherFingerprints, root } = this.#options.identity;
    const [publisher = ''] = publisherFingerprints;
    const bytes = await this.#fetch(metadataName('root', root?.version ?? 1));
    const state = underRoot(null, firstRoot(bytes, { fleet, publisher, root }));
    this.#keep(state);
    return state;
  }

  #keep(state: TrustState): void {
    const { directory, disk, log } = this.#options;
    const isNews = this.#state?.root.signed.version !== state.root.signed.version;
    writeTrustState(disk, directory, state);
    this.#state = state;
    if (!isNews) return;
    log.info('root-followed', { version: state.root.signed.version });
    this.#options.followed();
  }

  #believed(state: TrustState): Believed {
    return {
      fleet: this.#options.identity.fleet,
      root: state.root.signed,
      former: formerKeys(state),
      nowMs: this.#bestTimeMs(state),
      versions: state.versions,
    };
  }

  /**
   * When it is at least, by what was signed: the controller's time in the desired state, and what has really passed since. The machine's
   * own clock, which may say 1970 or ten years from now, is not asked.
   */
  #bestTimeMs({ floorMs }: TrustState): number {
    if (this.#said === null) return floorMs;
    const passedMs = (this.#options.clock.monotonicMicros() - this.#heardAt) / 1_000;
    return Math.max(floorMs, this.#said.issuedAt + passedMs);
  }

  #fetch(name: string): Promise<Uint8Array> {
    return fetchMetadata(this.#options.blobs, name);
  }
}

/** Whether a document that is here is the one that another leads to. */
const isLinked = <R extends 'snapshot' | 'targets'>(
  document: MetadataDocument<R> | null,
  { hashes }: MetadataLink,
): document is MetadataDocument<R> => document !== null && sha256Of(document.bytes) === hashes.sha256;

/** With all documents. */
interface Complete extends TrustState {
  readonly snapshot: NonNullable<TrustState['snapshot']>;
  readonly targets: NonNullable<TrustState['targets']>;
}
