// The eight stories of a device's disk: what was there, what happens, and what must be so after the process has ended at any
// operation and was started again. All of it is the agent's own code.
import { byDelta, releaseOf } from './crash-device.ts';
import { deviceHistory } from './crash-device-history.ts';
import { enrolHistory } from './crash-enrol-history.ts';
import { outboxHistory } from './crash-outbox-history.ts';
import { roundSteps } from './crash-round.ts';
import type { History } from './crash-story.ts';

const one = releaseOf(1);
const two = releaseOf(2);
const three = releaseOf(3);
const wrong = releaseOf(2, { kind: 'wrong' });

/** All stories, in the order of a device's life. */
export const HISTORIES: readonly History[] = [
  enrolHistory,
  deviceHistory({ name: 'install', before: [], next: one }),
  deviceHistory({ name: 'delta', before: [one], next: byDelta(one, two) }),
  deviceHistory({ name: 'swap', before: [one], next: two }),
  deviceHistory({ name: 'rollback', before: [one], next: wrong, isTakenBack: true }),
  deviceHistory({ name: 'collect', before: [one, two], next: three }),
  outboxHistory,
  deviceHistory({ name: 'round', before: [one], next: one, steps: roundSteps }),
];
