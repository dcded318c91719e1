// Behaviour of steps: the first check that does not hold is the fault, waiting ends with the last look, the script is checked.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLONE } from '../layout.ts';
import { testWorld } from '../test-world.ts';
import { lookUntil, outcomeOf } from './step.ts';
import { isInScope, readUtterances } from './utterances.ts';

describe('outcomeOf', () => {
  it('is ok only when every check holds, and else tells the first that does not', () => {
    const parts = { lines: [], evidence: {} };
    expect(outcomeOf({ ...parts, checks: [[true, 'a']] }).ok).toBe(true);
    const checks = [
      [true, 'a'],
      [false, 'b'],
      [false, 'c'],
    ] as const;
    expect(outcomeOf({ ...parts, checks })).toMatchObject({ ok: false, fault: 'b' });
  });
});

describe('lookUntil', () => {
  it('returns what it saw last when the time is over', async () => {
    const { world, pass } = testWorld();
    let looks = 0;
    const seen = await lookUntil(world, {
      look: () => {
        looks += 1;
        pass(100);
        return Promise.resolve(looks);
      },
      until: () => false,
      withinMs: 250,
      everyMs: 0,
    });
    expect(seen).toBe(3);
  });
});

describe('readUtterances', () => {
  it('reads the committed script with sentences inside and outside the scope', async () => {
    const lines = await readUtterances(CLONE.utterances);
    expect(lines[0]).toMatchObject({ text: 'turn the kitchen light on', intent: 'HassTurnOn', home: 1 });
    expect(lines.filter(isInScope).length).toBeGreaterThan(400);
    expect(lines.filter((line) => !isInScope(line)).length).toBeGreaterThan(100);
  });

  it('names the line that is wrong', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'nanofleet-script-'));
    const path = join(directory, 'lines.jsonl');
    await writeFile(path, '{"text":"a","intent":"b","home":1}\nnot JSON\n');
    await expect(readUtterances(path)).rejects.toMatchObject({ code: 'TRAINING_SET_INVALID' });
    await expect(readUtterances(path)).rejects.toThrow('Line 2');
    await rm(directory, { recursive: true });
  });
});
