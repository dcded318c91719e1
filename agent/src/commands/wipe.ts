/** `nanofleet-agent wipe`: makes the running agent forget what it learns from, and says what was removed. */
import { LOCAL_PATHS, type WipeAnswer, wipeAnswerSchema } from '@nanofleet/protocol';
import type { Command } from './command.ts';
import { askAgent, socketOf } from './local-client.ts';

const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

const inWords = ({ examples, residues, texts, bytes }: WipeAnswer): string =>
  [
    `removed: ${counted(examples, 'example')}, ${counted(residues, 'residue')} of updates, ${counted(texts, 'text')} of decisions; ${bytes} bytes of files overwritten`,
    'kept: identity, models, records that wait for the controller, the log of what left',
  ].join('\n');

/** The command. */
export const wipeCommand: Command = {
  name: 'wipe',
  summary:
    'Makes the running agent forget all examples, residues of updates and texts of decisions, for good.',
  usage: '[--dir DIR]',
  flags: {
    dir: { help: 'state directory of the agent (default .nanofleet-agent)', value: 'DIR' },
    socket: { help: 'its socket (default DIR/agent.sock)', value: 'PATH' },
  },
  async run({ flags }, terminal) {
    const answer = await askAgent(socketOf(flags), LOCAL_PATHS.wipe, {});
    terminal.line(flags['json'] === true ? JSON.stringify(answer) : inWords(wipeAnswerSchema.parse(answer)));
    return 0;
  },
};
