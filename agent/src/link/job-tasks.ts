/**
 * The tasks that a device can be asked to do, each with what is true of its effect when the process dies in it. Wires
 * tasks to the parts that do them; holds no rule of these.
 */
import { type JobTask, NanofleetError } from '@nanofleet/protocol';
import type { JobWork } from './jobs.ts';

/** The parts that do the work. */
export interface JobParts {
  /** Says the whole state again. */
  readonly report: () => void;
  /** Forgets the oldest half of the outbound log, once for a key. */
  readonly trimOutbound: (key: string) => void;
  readonly wipeExamples: () => void;
  /** Ends the agent so that it is started again; undefined when nothing would start it. */
  readonly restart: (() => void) | undefined;
}

/** The tasks over the parts of one agent. */
export const makeJobTasks = ({
  report,
  restart,
  trimOutbound,
  wipeExamples,
}: JobParts): Readonly<Record<JobTask, JobWork>> => ({
  report: { effect: 'each-start', run: report },
  'trim-outbound': { effect: 'repeatable', run: trimOutbound },
  // Nothing is learnt between a start and the end of what it found begun.
  'wipe-examples': { effect: 'repeatable', run: wipeExamples },
  restart: {
    effect: 'next-start',
    refusal: () => (restart === undefined ? noLoader() : null),
    run: () => restart?.(),
  },
});

const noLoader = (): NanofleetError =>
  new NanofleetError(
    'AGENT_NO_LOADER',
    'nothing would start this agent again: no loader has started it. Install it with the line of: nanofleet devices add',
  );
