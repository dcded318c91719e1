/** `nanofleet-agent examples`: how many examples of which label the device learns from, never their texts. */
import { type ExamplesAnswer, examplesAnswerSchema, LOCAL_PATHS } from '@nanofleet/protocol';
import type { Command } from './command.ts';
import { askAgent, socketOf } from './local-client.ts';

const inWords = ({ labels, total, bytes, oldestAt }: ExamplesAnswer): string => {
  if (total === 0) return 'No examples: nobody has labelled anything on this device.';
  const rows = labels.map(({ line, label, local, offloaded }) => {
    const name = label ?? '(out of scope)';
    return `  ${line.padEnd(12)} ${name.padEnd(28)} ${local} given here, ${offloaded} from bigger tiers`;
  });
  const oldest = oldestAt === null ? '' : `, the oldest of ${new Date(oldestAt).toISOString().slice(0, 10)}`;
  return [`${total} examples, ${bytes} bytes of text that stay on this device${oldest}`, ...rows].join('\n');
};

/** The command. */
export const examplesCommand: Command = {
  name: 'examples',
  summary: 'Shows how many examples of which label this device learns from; their texts are not shown.',
  usage: '[--dir DIR]',
  flags: {
    dir: { help: 'state directory of the agent (default .nanofleet-agent)', value: 'DIR' },
    socket: { help: 'its socket (default DIR/agent.sock)', value: 'PATH' },
  },
  async run({ flags }, terminal) {
    const answer = await askAgent(socketOf(flags), LOCAL_PATHS.examples);
    terminal.line(
      flags['json'] === true ? JSON.stringify(answer) : inWords(examplesAnswerSchema.parse(answer)),
    );
    return 0;
  },
};
