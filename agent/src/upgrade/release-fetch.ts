/**
 * Brings a release of the agent into its download directory: signature and manifest first, checked before anything is
 * parsed or another byte asked for, then whether this device may run it, then its files. Never starts anything.
 */
import { join } from 'node:path';
import {
  type AgentRelease,
  type Birth,
  compareAgentVersions,
  MANIFEST_FILE,
  NanofleetError,
  parseAgentRelease,
  SIGNATURE_FILE,
} from '@nanofleet/protocol';
import { checkManifestSignature, sha256Of } from '@nanofleet/protocol/node';
import { type Download, fetchManifestBytes, mismatch, writeFile } from '../slots/blob-fetch.ts';
import { fetchFile } from '../slots/file-fetch.ts';
import type { StagedRelease } from './boot-state.ts';

/** What a device offers to an agent. */
export interface Surroundings {
  /** As `linux-x64`. */
  readonly platform: string;
  /** Version of Node, three numbers. */
  readonly node: string;
  readonly engine: Birth['engine'];
  /** What the loader knows. */
  readonly loader: number;
  /** Version of the agent that runs. */
  readonly running: string;
}

/** What a fetch needs. */
export interface ReleaseFetchOptions extends Download {
  readonly digest: string;
  readonly publisherFingerprints: readonly string[];
  readonly surroundings: Surroundings;
  /** Throws when the release must not follow what runs. */
  readonly checkNewer: (release: { digest: string; version: string }) => void;
  readonly progress: (done: { bytesDone: number; bytesTotal: number }) => void;
}

/**
 * Fetches a release, or the rest of it.
 * @throws NanofleetError of the first check that fails; CONTROLLER_UNREACHABLE and DISK_FULL may be tried again
 */
export const fetchRelease = async (options: ReleaseFetchOptions): Promise<StagedRelease> => {
  const { digest, progress } = options;
  await options.blobs.begin?.(options.signal);
  const { files, version } = await fetchReleaseManifest(options);
  const bytesTotal = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytesBefore = 0;
  for (const file of files) {
    await fetchFile(options, file, (bytes) => progress({ bytesDone: bytesBefore + bytes, bytesTotal }));
    bytesBefore += file.bytes;
  }
  return { digest, version, files: files.map(({ name, sha256 }) => ({ name, sha256 })) } as StagedRelease;
};

const fetchReleaseManifest = async (options: ReleaseFetchOptions): Promise<AgentRelease> => {
  const { digest, directory, disk, publisherFingerprints, surroundings } = options;
  const { manifestBytes, signatureBytes } = await fetchManifestBytes(options, digest);
  checkManifestSignature({ manifestBytes, signatureBytes, publisherFingerprints });
  if (sha256Of(manifestBytes) !== digest) throw mismatch(MANIFEST_FILE);
  const release = parseAgentRelease(manifestBytes);
  checkSurroundings(release, surroundings);
  options.checkNewer({ digest, version: release.version });
  writeFile(disk, join(directory, MANIFEST_FILE), manifestBytes);
  writeFile(disk, join(directory, SIGNATURE_FILE), signatureBytes);
  return release;
};

/** @throws NanofleetError AGENT_PLATFORM_WRONG, NEEDS_NOT_MET */
const checkSurroundings = ({ needs, platforms, version }: AgentRelease, here: Surroundings): void => {
  if (!platforms.includes(here.platform))
    throw new NanofleetError(
      'AGENT_PLATFORM_WRONG',
      `agent ${version} is for ${platforms.join(', ')}; this device is ${here.platform}`,
    );
  const engine = needs.engines.find(({ name }) => name === here.engine.name);
  const lacking = [
    compareAgentVersions(here.node, needs.node) < 0 && `Node ${needs.node}; this is ${here.node}`,
    engine?.version !== here.engine.version &&
      `${needs.engines.map((one) => `${one.name} ${one.version}`).join(' or ')}; this is ${here.engine.name} ${here.engine.version}`,
    here.loader < needs.loader && `loader ${needs.loader}; this is ${here.loader}`,
    compareAgentVersions(here.running, needs.agent) < 0 && `agent ${needs.agent}; this is ${here.running}`,
  ].find((problem) => problem !== false);
  if (lacking === undefined) return;
  throw new NanofleetError(
    'NEEDS_NOT_MET',
    `agent ${version} needs ${lacking}. Install the agent anew with the line of: nanofleet devices add`,
  );
};
