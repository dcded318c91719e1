/** The operators' command for tests, within this process: what it shows and its exit code. Owns no profile and no expectation. */
import { runProgram } from '@nanofleet/cli';

/** What a run of it left. */
export interface Shown {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs it. @param options.home directory of the user @param options.profile directory of the profile */
export const runNanofleet = async (
  argv: readonly string[],
  { aheadMs = 0, home, profile }: { home: string; profile: string; aheadMs?: number },
): Promise<Shown> => {
  const shown = { out: '', err: '' };
  const sink = (name: 'out' | 'err') => ({
    write: (text: string) => void (shown[name] += text),
    isTTY: false,
    columns: 80,
  });
  const world = {
    ...{ env: {}, home, stdout: sink('out'), stderr: sink('err'), now: () => Date.now() + aheadMs },
    ...{ sleep: () => Promise.resolve(), deadline: () => new AbortController().signal },
    run: () => Promise.resolve(null),
  };
  const code = await runProgram(world, [...argv, '--profile', profile]);
  return { code, ...shown };
};
