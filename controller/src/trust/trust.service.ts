/**
 * The publishers' release metadata at the controller: takes what follows from what it has, by the rules of devices, serves it, and signs
 * the timestamp that says which of it is the newest. Never holds a publisher's key: it chooses among what they have released.
 */
import {
  canonicalJson,
  type Digest,
  expiryOf,
  METADATA_KEPT_MAX,
  METADATA_ROLES,
  type MetadataDocument,
  type MetadataRole,
  type ModelTarget,
  metadataHead,
  NanofleetError,
  parseMetadataName,
  type Target,
  TIMESTAMP_MS,
  type Trust,
  targetPath,
} from '@nanofleet/protocol';
import {
  checkFresh,
  checkMetadataSignatures,
  encodeMetadata,
  linkTo,
  readMetadata,
} from '@nanofleet/protocol/node';
import type { Clock } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { isDuplicate } from '../db/database.ts';
import { CLOCK } from '../ports/clock.ts';
import { Identity } from '../state/identity.ts';
import { type AcceptedMetadata, acceptReleases, acceptRoots, type Offered } from './trust.plan.ts';
import { type MetadataRow, TrustRepository } from './trust.repository.ts';

const hexOf = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');

/** Release metadata. */
@Injectable()
export class TrustService {
  /** Documents that were read last; one never changes. */
  readonly #read = new Map<MetadataRole, MetadataDocument>();

  constructor(
    private readonly repository: TrustRepository,
    private readonly identity: Identity,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Version of the newest root; null while the fleet has no metadata. */
  rootVersion(): Promise<number | null> {
    return this.repository.newestVersion('root');
  }

  /** Fingerprints of publishers whose bundles the registry takes: those of the root, or of the settings while there is none. */
  async publisherKeyIds(): Promise<readonly Digest[]> {
    const root = await this.#newest('root');
    return root?.signed.roles.targets.keyids ?? this.identity.publisherKeyIds;
  }

  /** The same with those of the settings: what runs here already was taken when these counted. */
  async knownPublisherKeyIds(): Promise<readonly Digest[]> {
    return [...new Set([...this.identity.publisherKeyIds, ...(await this.publisherKeyIds())])];
  }

  /** What is released; null while the fleet has no metadata. */
  async targets(): Promise<Readonly<Record<string, Target>> | null> {
    return (await this.#newest('targets'))?.signed.targets ?? null;
  }

  /** The hardware of models that are for some only, by their digest. */
  async hardware(): Promise<ReadonlyMap<string, ModelTarget['hardware']>> {
    const found = Object.values((await this.targets()) ?? {});
    return new Map(
      found.flatMap(({ custom, hashes }) =>
        custom.kind === 'model' && custom.hardware !== 'any'
          ? [[hashes.sha256, custom.hardware] as const]
          : [],
      ),
    );
  }

  /** Refuses what devices would refuse. @throws NanofleetError TARGET_UNKNOWN */
  async requireReleased(kind: Target['custom']['kind'], digest: Digest): Promise<void> {
    const targets = await this.targets();
    if (targets === null || targets[targetPath(kind, digest)] !== undefined) return;
    const how = kind === 'model' ? 'models' : 'agents';
    throw new NanofleetError(
      'TARGET_UNKNOWN',
      `The publishers' targets do not list ${digest.slice(0, 12)}…; a publisher pushes it: nanofleet ${how} push DIR.`,
      { facts: { digest } },
    );
  }

  /** Whether timestamps that a key of the controller signs count; always while the fleet has no metadata. */
  async namesController(keyId: Digest): Promise<boolean> {
    const root = await this.#newest('root');
    return root === null || root.signed.roles.timestamp.keyids.includes(keyId);
  }

  /** How it stands. */
  async show(): Promise<Trust> {
    const { controllerKeys: keys = [this.identity.publicKey] } = this.identity.trust ?? {};
    const root = await this.#newest('root');
    const roles: Trust['roles'] = [];
    for (const role of root === null ? [] : METADATA_ROLES) {
      const document = role === 'timestamp' ? await this.#timestamp() : await this.#newest(role);
      if (document === null || root === null) continue;
      const { keyids, threshold } = root.signed.roles[role];
      const { signed } = document;
      roles.push({ role, version: signed.version, expiresAt: expiryOf(signed), keyIds: keyids, threshold });
    }
    const targets = Object.keys((await this.targets()) ?? {}).length;
    const devices = await this.repository.followers(root?.signed.version ?? 0);
    return { fleet: this.identity.fleet, roles, controllerKeys: [...keys], targets, devices };
  }

  /** The bytes of a document by its name; null when there is none. */
  async find(name: string): Promise<Buffer | null> {
    const wanted = parseMetadataName(name);
    if (wanted === null) return null;
    const { role, version } = wanted;
    if (role === 'timestamp') return bytesOf(await this.#timestamp());
    const known = this.#read.get(role);
    if (known?.signed.version === version) return bytesOf(known);
    const row = await this.repository.one(role, version);
    return row === undefined ? null : Buffer.from(row.document);
  }

  /**
   * Puts newer documents in place, all or none; returns whether the root is another one.
   * @throws NanofleetError METADATA_* of the first that does not follow, SETTING_INVALID when the root leaves this controller out
   */
  async put(offered: Offered): Promise<boolean> {
    const nowMs = this.clock.unixMs();
    const before = await this.#accepted();
    const { fleet, keyId, publisherKeyIds } = this.identity;
    const { root, roots } = acceptRoots(before, offered.roots, { fleet, publishers: publisherKeyIds });
    checkFresh(root, nowMs);
    requireController(root, keyId);
    const releases = acceptReleases({ ...before, root }, offered.releases, { fleet, nowMs });
    if (releases === null) await this.#requireCounting(root);
    const documents = [...roots, ...(releases === null ? [] : [releases.targets, releases.snapshot])];
    await this.#add(documents.map((document) => rowOf(document, nowMs)));
    for (const { role, signed } of documents)
      if (role !== 'root') await this.repository.dropUpTo(role, signed.version - METADATA_KEPT_MAX);
    return roots.length > 0;
  }

  /** What is in place must count under another root, too: devices would refuse it. @throws NanofleetError METADATA_* */
  async #requireCounting({ signed: root }: MetadataDocument<'root'>): Promise<void> {
    for (const role of ['targets', 'snapshot'] as const) {
      const document = await this.#newest(role);
      if (document !== null) checkMetadataSignatures(document, { root, former: new Set() });
    }
  }

  async #add(rows: readonly MetadataRow[]): Promise<void> {
    try {
      await this.repository.add(rows);
    } catch (thrown) {
      if (!isDuplicate(thrown)) throw thrown;
      throw new NanofleetError('METADATA_OLD', 'Another publisher was quicker; do it again.', {
        cause: thrown,
      });
    }
  }

  async #accepted(): Promise<AcceptedMetadata> {
    const [root, targets, snapshot] = await Promise.all([
      this.#newest('root'),
      this.#newest('targets'),
      this.#newest('snapshot'),
    ]);
    return { root, targets: targets?.signed.version ?? 0, snapshot: snapshot?.signed.version ?? 0 };
  }

  async #newest<R extends MetadataRole>(role: R): Promise<MetadataDocument<R> | null> {
    const version = await this.repository.newestVersion(role);
    const known = this.#read.get(role);
    if (known !== undefined && known.signed.version === version) return known as MetadataDocument<R>;
    const row = version === null ? undefined : await this.repository.one(role, version);
    if (row === undefined) return null;
    const document = readMetadata(role, Buffer.from(row.document));
    this.#read.set(role, document);
    return document;
  }

  /** The timestamp that leads to the newest snapshot; made anew when there is none, or half of its time is over. */
  async #timestamp(): Promise<MetadataDocument<'timestamp'> | null> {
    const [snapshot, last] = await Promise.all([this.#newest('snapshot'), this.#newest('timestamp')]);
    if (snapshot === null) return null;
    const nowMs = this.clock.unixMs();
    if (last !== null && this.#isGood(last, { snapshot, nowMs })) return last;
    const head = {
      fleet: this.identity.fleet,
      // Also behind a restore of an older database it only rises.
      version: Math.max((last?.signed.version ?? 0) + 1, Math.floor(nowMs / 1_000)),
      expiresAtMs: nowMs + TIMESTAMP_MS,
    };
    const signed = { ...metadataHead('timestamp', head), meta: { 'snapshot.json': linkTo(snapshot) } };
    const sig = hexOf(this.identity.sign(canonicalJson(signed)));
    const made = readMetadata('timestamp', encodeMetadata(signed, [{ keyid: this.identity.keyId, sig }]));
    // Where another controller has made one of this version meanwhile, both lead to the same snapshot.
    await this.repository.add([rowOf(made, nowMs)]).catch((thrown: unknown) => {
      if (!isDuplicate(thrown)) throw thrown;
    });
    await this.repository.dropUpTo('timestamp', made.signed.version - 1);
    return made;
  }

  #isGood(
    { signatures, signed }: MetadataDocument<'timestamp'>,
    { nowMs, snapshot }: { snapshot: MetadataDocument<'snapshot'>; nowMs: number },
  ): boolean {
    const leadsTo = signed.meta['snapshot.json'];
    const leftMs = expiryOf(signed) - nowMs;
    return (
      leadsTo.version === snapshot.signed.version &&
      leadsTo.hashes.sha256 === linkTo(snapshot).hashes.sha256 &&
      signatures[0]?.keyid === this.identity.keyId &&
      // Also one of a clock that was ahead is made anew.
      leftMs > TIMESTAMP_MS / 2 &&
      leftMs <= TIMESTAMP_MS
    );
  }
}

const bytesOf = (document: MetadataDocument | null): Buffer | null =>
  document === null ? null : Buffer.from(document.bytes);

const rowOf = ({ bytes, role, signed }: MetadataDocument, addedAt: number): MetadataRow => ({
  role,
  version: signed.version,
  document: Buffer.from(bytes).toString('utf8'),
  addedAt,
});

/** A root under which nobody would believe the timestamps of this controller keeps the fleet from every release. */
const requireController = ({ signed }: MetadataDocument<'root'>, keyId: Digest): void => {
  if (signed.roles.timestamp.keyids.includes(keyId)) return;
  throw new NanofleetError(
    'SETTING_INVALID',
    'The root does not name the key of this controller for timestamps; make another: nanofleet trust renew.',
  );
};
