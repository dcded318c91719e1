// Owns calling `forge` as a terminal would, for tests: arguments in, exit code and lines out. Its clock moves by half a
// millisecond a look, so that measured times are the same in every run.
import { forge } from '../command/forge.ts';

/** What a call left behind. */
export interface ForgeCall {
  readonly code: number;
  readonly out: string;
  readonly notes: string;
}

/** Calls `forge` in this process. */
export async function callForge(...args: string[]): Promise<ForgeCall> {
  const [out, notes]: [string[], string[]] = [[], []];
  let now = 0;
  const code = await forge(args, {
    out: (line) => out.push(line),
    note: (line) => notes.push(line),
    redraw: () => undefined,
    isTerminal: false,
    nowMs: () => (now += 0.5),
  });
  return { code, out: out.join('\n'), notes: notes.join('\n') };
}
