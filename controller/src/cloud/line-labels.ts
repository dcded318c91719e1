/**
 * Which labels a provider may choose from: those of the bundle that the device runs on the line, and those that operators
 * have added since. Remembers the names of each bundle, for a bundle never changes.
 */
import {
  type DesiredState,
  type DeviceId,
  type Digest,
  type LineId,
  parseManifest,
} from '@nanofleet/protocol';
import { Injectable } from '@nestjs/common';
import { DevicesRepository } from '../devices/devices.repository.ts';
import { BlobStore } from '../models/blob-store.ts';

/** Bundles whose labels are remembered. */
const BUNDLES_MAX = 64;

/** Labels by bundle and device. */
@Injectable()
export class LineLabels {
  readonly #byBundle = new Map<Digest, readonly string[]>();

  constructor(
    private readonly devices: DevicesRepository,
    private readonly blobs: BlobStore,
  ) {}

  /** Labels of a line as a device has it; none when it has reported no bundle, or when its bundle is not here. */
  async of(device: DeviceId, line: LineId): Promise<readonly string[]> {
    const row = await this.devices.one(device);
    const digest = row?.lines[line]?.running?.digest;
    if (digest === undefined) return [];
    const names = await this.ofBundle(digest);
    const added = addedLabels(row?.desiredState ?? null, line);
    return [...names, ...added.filter((label) => !names.includes(label))];
  }

  /** Labels of a bundle; none when it is not here. */
  async ofBundle(digest: Digest): Promise<readonly string[]> {
    const known = this.#byBundle.get(digest);
    if (known !== undefined) return known;
    const manifest = await this.blobs.read(digest).then(parseManifest, () => null);
    if (manifest === null) return [];
    const names = 'labels' in manifest ? manifest.labels.names : [];
    if (this.#byBundle.size >= BUNDLES_MAX) this.#byBundle.clear();
    this.#byBundle.set(digest, names);
    return names;
  }
}

const addedLabels = (state: DesiredState | null, line: LineId): readonly string[] => {
  const lines = Object.entries(state?.lines ?? {}).find(([name]) => name === line);
  return lines?.[1].labels?.added ?? [];
};
