// What the tests of a file started ends with the file: processes, listeners, directories. Hooks that are registered within a
// hook or a test never run, so that helpers which are called there leave their endings here.
import { afterAll } from 'vitest';

type Ending = () => unknown;

const endings: Ending[] = [];

/** Does it when the tests of this file are over, the last first. */
export const atEnd = (ending: Ending): void => {
  endings.push(ending);
};

const endAll = async (): Promise<void> => {
  const failures: unknown[] = [];
  for (const ending of endings.splice(0).toReversed()) {
    try {
      await ending();
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'what tests had started did not end');
};

/** Called once for each file, before its tests are collected. */
export const endWithFile = (): void => afterAll(endAll);
