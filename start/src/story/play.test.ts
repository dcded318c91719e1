// Behaviour of playing: a step's lines stand under its number, a fault is told, a step that throws fails without ending the story.
import { NanofleetError } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { CommandLine } from '../command-line.ts';
import { Fleet } from '../fleet.ts';
import { Layout } from '../layout.ts';
import { LinkProxy } from '../link-proxy.ts';
import { Screen } from '../screen.ts';
import { testWorld } from '../test-world.ts';
import { Ledger } from './ledger.ts';
import { playStep } from './play.ts';
import type { Outcome, Stage } from './step.ts';

function stageWith() {
  const { world, shown } = testWorld();
  const fleet = new Fleet({
    layout: new Layout('/nowhere'),
    link: new LinkProxy(0),
    web: new LinkProxy(0),
    commands: new CommandLine(world, { file: '/nowhere/cli', profile: '/nowhere' }),
    providerFile: '',
    onDeath: () => undefined,
  });
  const screen = new Screen(world, world.stdout);
  const stage: Stage = { world, fleet, screen, utterances: [], ledger: new Ledger() };
  return { stage, shown };
}

const step = (play: () => Promise<Outcome>) => ({ name: 'scene', doing: 'waiting', play });

describe('playStep', () => {
  it('shows the first line beside the number and the others below', async () => {
    const { stage, shown } = stageWith();
    const outcome = { ok: true, lines: ['first', 'second'], evidence: { id: 1 } };
    const played = await playStep(
      stage,
      step(() => Promise.resolve(outcome)),
      3,
    );
    expect(shown.stdout).toBe(' ✓ 3  first\n      second\n');
    expect(played).toMatchObject({ name: 'scene', ok: true, evidence: { id: 1 } });
  });

  it('tells what was expected and seen when a check failed', async () => {
    const { stage, shown } = stageWith();
    const outcome = { ok: false, lines: ['first'], evidence: {}, fault: 'expected 5, seen 4' };
    expect(
      await playStep(
        stage,
        step(() => Promise.resolve(outcome)),
        1,
      ),
    ).toMatchObject({ ok: false });
    expect(shown.stdout).toBe(' ✗ 1  first\n      expected 5, seen 4\n');
  });

  it('turns an error into a failed step with its code', async () => {
    const { stage, shown } = stageWith();
    const error = new NanofleetError('ROLLOUT_UNKNOWN', 'No rollout of this id.');
    const played = await playStep(
      stage,
      step(() => Promise.reject(error)),
      5,
    );
    expect(played.ok).toBe(false);
    expect(played.fault).toContain('ROLLOUT_UNKNOWN');
    expect(shown.stdout).toContain(' ✗ 5  it could not be played: ROLLOUT_UNKNOWN');
  });
});
