/**
 * Federated rounds as the operator drives them: started by the command, watched over the operator API, so that a
 * controller that is killed in the middle ends neither. Owns no judgement of a round.
 */
import { NanofleetError, type RoundDetail } from '@nanofleet/protocol';
import { z } from 'zod';
import { lookUntil, type Stage } from './step.ts';

const ENDED_WITHIN_MS = 60_000;
const ENDS: readonly RoundDetail['status'][] = ['candidate', 'failed', 'aborted'];
/** A round of the four homes: it goes on when all have sent, or with three at the deadline. */
const HOMES = { updates: '4', quorum: '3', deadline: '60s' } as const;

const startedSchema = z.object({ id: z.uuid() });

/** One round of the homes, from its start to its end. */
export async function playRound(stage: Stage, line: string): Promise<RoundDetail> {
  const id = await begin(stage, line);
  return await lookUntil(stage.world, {
    look: () => stage.fleet.operator.call('round', { params: { id } }),
    until: ({ status }) => ENDS.includes(status),
    withinMs: ENDED_WITHIN_MS,
    everyMs: 100,
  });
}

/** Starts a round; one that an interrupted command has started already is taken for it. */
async function begin({ fleet }: Stage, line: string): Promise<string> {
  const options = Object.entries(HOMES).flatMap(([name, value]) => [`--${name}`, value]);
  const words = ['rounds', 'start', '--line', line, '--group', 'homes', '--over-selection', '1'];
  try {
    return startedSchema.parse(await fleet.commands.run(...words, ...options, '--detach')).id;
  } catch (thrown) {
    if (!(thrown instanceof NanofleetError) || thrown.code !== 'ROUND_RUNNING') throw thrown;
    const [running] = (await fleet.operator.call('rounds', { query: { limit: 1 } })).items;
    if (running === undefined) throw thrown;
    return running.id;
  }
}
