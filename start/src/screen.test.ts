// Behaviour of the view: lines stay, work shows as one moving line on a terminal and is never silent for long elsewhere.
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Screen } from './screen.ts';
import { testWorld } from './test-world.ts';

describe('a screen', () => {
  it('speaks within two seconds of silence off a terminal', () => {
    const { world, shown, pass } = testWorld();
    const screen = new Screen(world, world.stdout);
    screen.working('the link is cut');
    pass(1_000);
    expect(shown.stdout).toBe('');
    pass(950);
    expect(shown.stdout).toContain('the link is cut (1.9 s)');
    const before = shown.stdout;
    pass(1_000);
    expect(shown.stdout).toBe(before);
    screen.working(null);
  });

  it('overwrites the line at work on a terminal, so that only lines stay', () => {
    const { world, shown, pass } = testWorld({ isTTY: true });
    const screen = new Screen(world, world.stdout);
    screen.working('preparing');
    pass(100);
    pass(100);
    screen.line('done');
    screen.working(null);
    expect(shown.stdout.split('\n')).toHaveLength(2);
    expect(shown.stdout).toContain('\u001b[2Kdone\n');
  });

  it('never lets the moving line wrap', () => {
    const { world, shown } = testWorld({ isTTY: true });
    const screen = new Screen(world, world.stdout);
    screen.working('w'.repeat(300));
    screen.working(null);
    for (const part of stripVTControlCharacters(shown.stdout).split('\r'))
      expect(part.length).toBeLessThan(80);
  });
});
