/**
 * Program of the process that tries a new version: gets its order by the pipe, tries, answers, ends. First in line when the
 * machine has no memory left, so that the agent is not. Never writes anything anywhere.
 */
import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { toNanofleetError } from '@nanofleet/protocol';
import { loadEngine, loadRunner, verifyBundle } from '@nanofleet/runtime/node';
import { fileDisk } from '../ports/file-disk.ts';
import { systemClock } from '../ports/system-clock.ts';
import { bundleSourceOn } from '../slots/slot-store.ts';
import type { AcceptanceOrder, AcceptanceOutcome } from './child-acceptance.ts';
import { loadedVersion, runAcceptance } from './run-acceptance.ts';

/** Whoever may not be first in line, or where there is none, is tried all the same. */
const stepBack = (): void => {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    return;
  }
};

const rssBytes = (): number => {
  globalThis.gc?.();
  return process.memoryUsage.rss();
};

const answerTo = async ({ engine: choice, task }: AcceptanceOrder): Promise<AcceptanceOutcome> => {
  try {
    const engine = loadEngine(choice);
    const { publisherFingerprints } = task;
    const figures = await runAcceptance(task, {
      clock: systemClock,
      load: async ({ digest, directory }) => {
        const source = bundleSourceOn(fileDisk, directory);
        const bundle = await verifyBundle(source, { publisherFingerprints, digest });
        return loadedVersion(bundle, await loadRunner(bundle, engine));
      },
      rssBytes,
    });
    return { figures };
  } catch (thrown) {
    const { code, message } = toNanofleetError(thrown);
    return { failed: { code, message } };
  }
};

stepBack();
process.once('message', (order: AcceptanceOrder) => {
  void answerTo(order).then((outcome) => process.send?.(outcome, () => process.disconnect()));
});
