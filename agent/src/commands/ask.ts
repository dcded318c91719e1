/** `nanofleet-agent ask`: one text to the running agent, and its decision in words. */
import { type Decision, decisionSchema, LOCAL_PATHS } from '@nanofleet/protocol';
import { type Command, optional, optionalNumber, UsageError } from './command.ts';
import { askAgent, socketOf } from './local-client.ts';

const WAIT_MS_MAX = 60_000;

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const inWords = ({ label, verdict, confidence, micros, line, version, offload, id }: Decision): string => {
  const own = `${label}  ${verdict}, ${percent(confidence)}, ${Math.round(micros)} µs, ${line} ${version}`;
  const answer = offload.answer;
  const bigger =
    answer === undefined
      ? offload.status
      : `${answer.label ?? 'nobody is sure'}  ${answer.verdict}, ${percent(answer.confidence)}, by ${answer.tier} in ${Math.round(answer.milliseconds)} ms`;
  return offload.status === 'none' ? `${own}\n${id}` : `${own}\nbigger tier: ${bigger}\n${id}`;
};

/** The command. */
export const askCommand: Command = {
  name: 'ask',
  summary: 'Asks the running agent for a decision on a text.',
  usage: '[--dir DIR] [--line LINE] [--wait-ms N] TEXT',
  flags: {
    dir: { help: 'state directory of the agent (default .nanofleet-agent)', value: 'DIR' },
    socket: { help: 'its socket (default DIR/agent.sock)', value: 'PATH' },
    line: { help: 'model line, when several take text', value: 'LINE' },
    'wait-ms': { help: 'wait so long for a bigger tier (default 0)', value: 'N' },
  },
  async run({ flags, words }, terminal) {
    if (words.length === 0) throw new UsageError('a text is needed');
    const waitMs = optionalNumber(flags, 'wait-ms', { min: 0, max: WAIT_MS_MAX });
    const line = optional(flags, 'line');
    const decision = await askAgent(socketOf(flags), LOCAL_PATHS.decide, {
      text: words.join(' '),
      ...(line === undefined ? {} : { line }),
      ...(waitMs === undefined ? {} : { waitMs }),
    });
    terminal.line(
      flags['json'] === true ? JSON.stringify(decision) : inWords(decisionSchema.parse(decision)),
    );
    return 0;
  },
};
