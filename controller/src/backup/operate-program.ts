/** The process behind `nanofleet backup` and `nanofleet db`: results to stdout, failures to stderr, an exit code. */
import { toNanofleetError } from '@nanofleet/protocol';
import type { Environment } from '../ports/environment.ts';
import { type OperatePorts, operate } from './operate.ts';
import { readOperateCommand } from './operate-command.ts';

const USAGE = 2;

/** Where it writes. */
export interface OperateOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Runs one command line; answers its exit code: 0 done, 1 failed, 2 wrong usage. */
export const runOperation = async (
  args: readonly string[],
  world: OperatePorts & OperateOutput & { readonly environment: Environment },
): Promise<number> => {
  const wantsJson = args.includes('--json');
  try {
    const { facts, text } = await operate(await readOperateCommand(args, world.environment), world);
    world.out(wantsJson ? `${JSON.stringify(facts)}\n` : text);
    return 0;
  } catch (thrown) {
    const { code, message } = toNanofleetError(thrown);
    world.err(wantsJson ? `${JSON.stringify({ error: { code, message } })}\n` : `${code}  ${message}\n`);
    return code === 'SETTING_INVALID' ? USAGE : 1;
  }
};
