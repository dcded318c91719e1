/** An Acceptance without a process of its own, which nothing guards: for tests and the simulated fleet, where the models are known. */
import { type loadRunner, verifyBundle } from '@nanofleet/runtime/node';
import type { Clock, Disk } from '@nanofleet/runtime/ports';
import { bundleSourceOn } from '../slots/slot-store.ts';
import type { Acceptance } from './acceptance.ts';
import { runAcceptance } from './run-acceptance.ts';

/** Tries versions here. */
export const acceptInProcess = (ports: {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly load: typeof loadRunner;
}): Acceptance => ({
  try: (task) =>
    runAcceptance(task, {
      ...ports,
      open: ({ digest, directory }) =>
        verifyBundle(bundleSourceOn(ports.disk, directory), {
          publisherFingerprints: task.publisherFingerprints,
          digest,
        }),
    }),
});
