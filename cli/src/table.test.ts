// Behaviour of tables and figures: columns stay aligned with colours in them, numbers stand right, units read well.
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tableOf } from './table.ts';
import { Terminal } from './terminal.ts';
import { bytesText, secondsOf, timeText } from './units.ts';
import type { Sink, World } from './world.ts';

function terminalWith(options: { isTTY: boolean; env?: Record<string, string> }): {
  terminal: Terminal;
  shown: () => string;
} {
  let text = '';
  const sink: Sink = { write: (part) => void (text += part), isTTY: options.isTTY, columns: 80 };
  const world: World = {
    env: options.env ?? {},
    home: '/',
    stdout: sink,
    stderr: sink,
    now: () => 0,
    run: () => Promise.resolve(null),
    sleep: () => Promise.resolve(),
    deadline: () => new AbortController().signal,
  };
  return { terminal: new Terminal(world, { json: false }), shown: () => text };
}

interface Row {
  readonly name: string;
  readonly count: number;
}
const rows: Row[] = [
  { name: 'a', count: 5 },
  { name: 'longer', count: 12 },
];
const lines = (terminal: Terminal, given: Row[]) =>
  tableOf(terminal, given, {
    columns: [
      { title: 'name', cell: ({ name }) => terminal.paint(name, 'green') },
      { title: 'count', cell: ({ count }) => count },
    ],
    empty: 'none',
  });

describe('tableOf', () => {
  it('aligns words left and numbers right', () => {
    const { terminal } = terminalWith({ isTTY: false });
    expect(lines(terminal, rows)).toEqual(['name    count', 'a           5', 'longer     12']);
  });

  it('aligns painted cells as if they had no colour', () => {
    const { terminal } = terminalWith({ isTTY: true });
    const plain = lines(terminal, rows).map(stripVTControlCharacters);
    expect(plain).toEqual(['name    count', 'a           5', 'longer     12']);
  });

  it('says so when there is no row', () => {
    const { terminal } = terminalWith({ isTTY: false });
    expect(lines(terminal, [])).toEqual(['none']);
  });
});

describe('a terminal', () => {
  it('paints nothing with NO_COLOR or off a terminal', () => {
    expect(terminalWith({ isTTY: true, env: { NO_COLOR: '1' } }).terminal.paint('x', 'red')).toBe('x');
    expect(terminalWith({ isTTY: false }).terminal.paint('x', 'red')).toBe('x');
    expect(terminalWith({ isTTY: true }).terminal.paint('x', 'red')).toContain('\u001b[31m');
  });

  it('shows a moving bar on a terminal only', () => {
    for (const isTTY of [true, false]) {
      const { terminal, shown } = terminalWith({ isTTY });
      const bar = terminal.bar('Uploading');
      bar.update(1, 2);
      expect(shown().includes('50 %')).toBe(isTTY);
      bar.end('Uploaded.');
      expect(shown()).toContain('Uploaded.\n');
    }
  });
});

describe('units', () => {
  it.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [1_234_567, '1.23 MB'],
  ])('write %d bytes as %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  it('write times in UTC and never as a dash', () => {
    expect(timeText(0)).toBe('1970-01-01 00:00:00Z');
    expect(timeText(null)).toBe('–');
  });

  it('read durations with a unit only', () => {
    expect(secondsOf('12h')).toBe(43_200);
    expect(secondsOf('12')).toBeUndefined();
    expect(secondsOf('-1d')).toBeUndefined();
  });
});
