// Rounds as the story drives them: one that an interrupted command has started is taken for its own, any other error
// is passed on, and it looks until the round has ended.
import { NanofleetError } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import type { Fleet } from '../fleet.ts';
import { Screen } from '../screen.ts';
import { testWorld } from '../test-world.ts';
import { Ledger } from './ledger.ts';
import { playRound } from './rounds.ts';
import type { Stage } from './step.ts';

const ID = '01a21434-b1da-77da-aa8b-1cef0c3a966d';

/** A stage whose command answers as told, and whose controller shows these states one after the other. */
function stageWith(command: () => Promise<unknown>, statuses: readonly string[]) {
  const { world } = testWorld();
  const seen: string[] = [];
  const words: string[][] = [];
  const fleet = {
    commands: {
      run: (...given: string[]) => {
        words.push(given);
        return command();
      },
    },
    operator: {
      call: (route: string) => {
        seen.push(route);
        const status = statuses[seen.filter((one) => one === 'round').length - 1];
        return Promise.resolve(route === 'rounds' ? { items: [{ id: ID }] } : { id: ID, status });
      },
    },
  } as unknown as Fleet;
  const stage: Stage = {
    world,
    fleet,
    screen: new Screen(world, world.stdout),
    utterances: [],
    ledger: new Ledger(),
  };
  return { stage, seen, words };
}

const refusal = (code: 'ROUND_RUNNING' | 'LINE_UNKNOWN') => () =>
  Promise.reject(new NanofleetError(code, 'refused'));

describe('playRound', () => {
  it('starts a round of the homes and looks until it has ended', async () => {
    const { stage, seen, words } = stageWith(
      () => Promise.resolve({ id: ID }),
      ['training', 'evaluating', 'candidate'],
    );
    expect(await playRound(stage, 'intent')).toMatchObject({ id: ID, status: 'candidate' });
    expect(seen).toEqual(['round', 'round', 'round']);
    expect(words[0]).toEqual(expect.arrayContaining(['rounds', 'start', '--group', 'homes', '--detach']));
  });

  it('takes a round that is running already for its own', async () => {
    const { stage, seen } = stageWith(refusal('ROUND_RUNNING'), ['candidate']);
    expect(await playRound(stage, 'intent')).toMatchObject({ id: ID });
    expect(seen).toEqual(['rounds', 'round']);
  });

  it('passes on why no round could begin', async () => {
    const { stage } = stageWith(refusal('LINE_UNKNOWN'), []);
    await expect(playRound(stage, 'intent')).rejects.toMatchObject({ code: 'LINE_UNKNOWN' });
  });
});
