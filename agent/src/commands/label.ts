/** `nanofleet-agent label`: tells the running agent the right label of a decision, or of a text. */
import { type LabelAnswer, LOCAL_PATHS, labelAnswerSchema, labelPath } from '@nanofleet/protocol';
import { type Command, type Flags, optional, UsageError } from './command.ts';
import { askAgent, socketOf } from './local-client.ts';

const OUTCOMES: Readonly<Record<LabelAnswer['outcome'], string>> = {
  new: 'noted',
  same: 'known so already',
  changed: 'noted, in place of the label before',
  counted: 'counted; there are enough examples of it, so chance left this one out',
};

const inWords = ({ label, outcome, examples, line }: LabelAnswer): string =>
  `${label ?? 'out of scope'}  ${OUTCOMES[outcome]}; ${examples} ${examples === 1 ? 'example' : 'examples'} on line ${line}`;

/** The words that are no flags: which decision, then which label, as far as the flags do not say so. */
const wordsOf = (flags: Flags, words: readonly string[]): { id: string | null; label: string | null } => {
  const isNamed = flags['last'] === true || optional(flags, 'text') !== undefined;
  const isOutOfScope = flags['out-of-scope'] === true;
  const wanted = (isNamed ? 0 : 1) + (isOutOfScope ? 0 : 1);
  if (words.length !== wanted)
    throw new UsageError(
      'a decision (ID, --last or --text TEXT) and a label (LABEL or --out-of-scope) are needed',
    );
  return { id: isNamed ? null : (words[0] ?? ''), label: isOutOfScope ? null : (words.at(-1) ?? '') };
};

/** The command. */
export const labelCommand: Command = {
  name: 'label',
  summary:
    'Tells the running agent the right label of a decision or of a text; it learns from that on this device.',
  usage: '[--dir DIR] (ID | --last | --text TEXT) (LABEL | --out-of-scope)',
  flags: {
    dir: { help: 'state directory of the agent (default .nanofleet-agent)', value: 'DIR' },
    socket: { help: 'its socket (default DIR/agent.sock)', value: 'PATH' },
    last: { help: 'the newest decision' },
    text: { help: 'this text, whether it was decided on or not', value: 'TEXT' },
    line: { help: 'model line of that text, when several take text', value: 'LINE' },
    'out-of-scope': { help: 'none of the labels is right' },
  },
  async run({ flags, words }, terminal) {
    const { id, label } = wordsOf(flags, words);
    const text = optional(flags, 'text');
    const line = optional(flags, 'line');
    const right = label === null ? { outOfScope: true } : { label };
    const answer =
      text === undefined
        ? await askAgent(socketOf(flags), labelPath(encodeURIComponent(id ?? 'last')), right)
        : await askAgent(socketOf(flags), LOCAL_PATHS.examples, { text, ...(line && { line }), ...right });
    terminal.line(flags['json'] === true ? JSON.stringify(answer) : inWords(labelAnswerSchema.parse(answer)));
    return 0;
  },
};
