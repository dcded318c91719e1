/**
 * Rules of the agent's releases: one gets in when a publisher's signature fits the exact manifest bytes, before anything
 * parses them, and all its files are stored; and it is rolled out to a group or to all. Never signs, never talks to a device.
 */
import {
  type AgentRollout,
  type AgentTarget,
  type DeviceAgent,
  type Digest,
  NanofleetError,
  parseAgentRelease,
  type RegisteredAgent,
} from '@nanofleet/protocol';
import { checkManifestSignature, sha256Of } from '@nanofleet/protocol/node';
import type { Clock } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DesiredService } from '../devices/desired.service.ts';
import { DevicesRepository } from '../devices/devices.repository.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { BlobStore } from '../models/blob-store.ts';
import { CLOCK } from '../ports/clock.ts';
import { TrustService } from '../trust/trust.service.ts';
import { agentFor, agentStateOf } from './agents.plan.ts';
import { type AgentReleaseRow, type AgentRolloutRow, AgentsRepository } from './agents.repository.ts';

/** Releases of the agent. */
@Injectable()
export class AgentsService implements OnModuleInit {
  /** Releases by their digest and by those of their files, as far as this process has met them. */
  readonly #owners = new Map<Digest, AgentReleaseRow>();

  constructor(
    private readonly repository: AgentsRepository,
    private readonly blobs: BlobStore,
    private readonly trust: TrustService,
    private readonly devices: DevicesRepository,
    private readonly desired: DesiredService,
    private readonly timeline: TimelineService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Learns what is registered. */
  async onModuleInit(): Promise<void> {
    for (const row of await this.repository.releases()) this.#hold(row);
  }

  /** Whether this process knows a blob as part of a release. */
  holds(digest: Digest): boolean {
    return this.#owners.has(digest);
  }

  /** Whether a blob is part of a release that perhaps another controller has taken. */
  async find(digest: Digest): Promise<boolean> {
    const row = await this.repository.owning(digest);
    if (row !== undefined) this.#hold(row);
    return row !== undefined;
  }

  /** Content of manifest.sig of a release; null for what is none. */
  signatureOf(digest: Digest): Buffer | null {
    const row = this.#owners.get(digest);
    return row?.digest === digest ? Buffer.from(row.signature, 'utf8') : null;
  }

  /**
   * Registers a release; again changes nothing.
   * @throws NanofleetError SIGNATURE_*, MANIFEST_*, BUNDLE_FILE_MISSING
   */
  async add(manifestBytes: Uint8Array, signature: string): Promise<RegisteredAgent> {
    if (signature === '')
      throw new NanofleetError(
        'SIGNATURE_MISSING',
        'The release is not signed; run: nanofleet agents sign DIR.',
      );
    const keyId = checkManifestSignature({
      manifestBytes,
      signatureBytes: Buffer.from(signature, 'utf8'),
      publisherFingerprints: await this.trust.publisherKeyIds(),
    });
    const { files, platforms, version } = parseAgentRelease(manifestBytes);
    for (const file of files)
      if ((await this.blobs.size(file.sha256)) !== file.bytes) throw notUploaded(file.name);
    await this.blobs.keep(manifestBytes);
    const digest = sha256Of(manifestBytes);
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const uploadedAt = this.clock.unixMs();
    await this.repository.add({
      ...{ digest, version, platforms, files, bytes, keyId, signature, uploadedAt },
    });
    const row = await this.#known(digest);
    this.#hold(row);
    return shownRelease(row);
  }

  /** All releases. */
  async list(): Promise<RegisteredAgent[]> {
    return (await this.repository.releases()).map(shownRelease);
  }

  /** Makes a release the desired one; again lets devices that refused it try it again. @throws NanofleetError AGENT_UNKNOWN */
  async rollOut(digest: Digest, target: AgentTarget): Promise<AgentRollout> {
    const { version } = await this.#known(digest);
    await this.trust.requireReleased('agent', digest);
    const targetGroup = 'group' in target ? target.group : null;
    const row = await this.repository.rollOut({
      ...{ digest, version, targetGroup },
      targetKind: targetGroup === null ? 'all' : 'group',
      createdAt: this.clock.unixMs(),
    });
    this.timeline.note({
      ...{ kind: 'agent-rolled-out', key: String(row.position), digest, detail: version },
      ...(targetGroup === null ? {} : { group: targetGroup }),
    });
    await this.desired.refresh(targetGroup);
    return shownRollout(row);
  }

  /** How the agent of each device stands. */
  async onDevices(): Promise<DeviceAgent[]> {
    const [rollouts, rows] = await Promise.all([this.repository.latest(), this.devices.all()]);
    return rows
      .filter(({ revokedAt }) => revokedAt === null)
      .map(({ agent: report, agentVersion: version, device, deviceGroup: group, isOnline }) => {
        const wanted = agentFor(rollouts, group);
        const state = agentStateOf({ isOnline, report }, wanted);
        return { device, group, isOnline, version, desired: wanted?.version ?? null, state, report };
      });
  }

  async #known(digest: Digest): Promise<AgentReleaseRow> {
    const row = await this.repository.owning(digest);
    if (row?.digest === digest) return row;
    throw new NanofleetError(
      'AGENT_UNKNOWN',
      `The registry holds no release ${digest.slice(0, 12)}… of the agent; push it: nanofleet agents push DIR.`,
      { facts: { digest } },
    );
  }

  #hold(row: AgentReleaseRow): void {
    for (const { sha256 } of row.files) this.#owners.set(sha256, row);
    this.#owners.set(row.digest, row);
  }
}

const shownRelease = ({
  bytes,
  digest,
  keyId,
  platforms,
  signature,
  uploadedAt,
  version,
}: AgentReleaseRow): RegisteredAgent => ({
  digest,
  version,
  platforms,
  bytes,
  keyId,
  signature,
  uploadedAt,
});

const shownRollout = ({
  createdAt,
  digest,
  position,
  targetGroup,
  version,
}: AgentRolloutRow): AgentRollout => ({
  order: position,
  ...{ digest, version, createdAt },
  target: targetGroup === null ? { all: true } : { group: targetGroup },
});

const notUploaded = (name: string) =>
  new NanofleetError('BUNDLE_FILE_MISSING', `The file ${name} of the release is not uploaded.`, {
    facts: { file: name },
  });
