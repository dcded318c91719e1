/**
 * An Acceptance without a process of its own, which nothing guards: for tests and the simulated fleet, where the models are known. What is
 * loaded here already is not loaded again: what serves stands for the running version, and the candidate goes on into service.
 */
import { join } from 'node:path';
import { fileOfRole } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import type { Runner } from '@nanofleet/runtime';
import { type loadRunner, verifyBundle } from '@nanofleet/runtime/node';
import type { Clock, Disk } from '@nanofleet/runtime/ports';
import { mismatch } from '../slots/blob-fetch.ts';
import { bundleSourceOn } from '../slots/slot-store.ts';
import type { Acceptance, BundlePlace } from './acceptance.ts';
import { type LoadedVersion, loadedVersion, runAcceptance } from './run-acceptance.ts';

interface InProcessPorts {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly load: typeof loadRunner;
}

/** Tries versions here. */
export const acceptInProcess = ({ clock, disk, load }: InProcessPorts): Acceptance => ({
  try: async (task, _signal, { handOver, serving, verified }) => {
    const { candidate, publisherFingerprints } = task;
    const loadRunning = async (place: BundlePlace): Promise<LoadedVersion> => {
      if (serving?.digest === place.digest) return servingVersion(disk, place, serving);
      const source = bundleSourceOn(disk, place.directory);
      const bundle = await verifyBundle(source, { publisherFingerprints, digest: place.digest });
      return loadedVersion(bundle, await load(bundle));
    };
    const runner = await load(verified);
    const tried = { ...loadedVersion(verified, runner), release: keptOpen };
    try {
      const figures = await runAcceptance(task, {
        clock,
        load: (place) => (place === candidate ? Promise.resolve(tried) : loadRunning(place)),
      });
      handOver(runner);
      return figures;
    } catch (thrown) {
      await runner.release();
      throw thrown;
    }
  },
});

/** What serves, with the golden inputs of its bundle. @throws NanofleetError DIGEST_MISMATCH when the disk has changed them */
const servingVersion = (disk: Disk, { directory }: BundlePlace, runner: Runner): LoadedVersion => {
  const file = fileOfRole(runner.manifest, 'golden');
  const golden = file === undefined ? null : disk.read(join(directory, file.name));
  if (golden === null || sha256Of(golden) !== file?.sha256) throw mismatch(file?.name ?? 'golden');
  return { runner, golden, release: keptOpen };
};

const keptOpen = (): Promise<void> => Promise.resolve();
