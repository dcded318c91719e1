/**
 * `nanofleet-agent ask`: one text to the running agent, its decision in words, and the reply of a bigger tier while that is
 * being written.
 */
import {
  type Decision,
  decisionSchema,
  type EntityValue,
  type ExplanationAnswer,
  type FoundEntity,
  LOCAL_PATHS,
  plainText,
  replyPath,
} from '@nanofleet/protocol';
import { type Command, optional, optionalNumber, type Terminal, UsageError } from './command.ts';
import { askAgent, socketOf } from './local-client.ts';
import { followReply } from './reply-client.ts';

const WAIT_MS_MAX = 60_000;

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const answerInWords = ({ offload }: Decision): string => {
  const { answer, code, status } = offload;
  if (answer === undefined) return code === undefined ? status : `${status}, ${code}`;
  const { confidence, entities = [], label, milliseconds, proposed, tier, verdict } = answer;
  const said = label ?? (proposed === undefined ? 'nobody is sure' : `something new: ${proposed}`);
  // A provider states no probability.
  const score = tier === 'cloud' ? '' : `, ${percent(confidence)}`;
  const named = entities.map(({ name, value }) => `${name}=${value}`).join(' ');
  const facts = `${said}  ${verdict}${score}, by ${tier} in ${Math.round(milliseconds)} ms`;
  return [facts, named, code ?? ''].filter((part) => part !== '').join('; ');
};

const valueInWords = (value: EntityValue): string => {
  switch (value.kind) {
    case 'number':
      return String(value.number);
    case 'duration':
      return `${value.seconds} s`;
    case 'time':
      return `${Math.floor(value.minuteOfDay / 60)}:${String(value.minuteOfDay % 60).padStart(2, '0')}${value.halfDay ? ', morning or evening' : ''}`;
    case 'temperature':
      return `${value.degrees} ${value.unit ?? 'degrees'}`;
    case 'colour':
    case 'area':
    case 'device':
      return value.name;
  }
};

/** One line an entity: its type, its words, and what they mean. */
const entitiesInWords = (entities: readonly FoundEntity[], text: string): string =>
  entities
    .map(({ type, start, end, value }) => {
      const meaning = value === undefined ? '' : ` = ${plainText(valueInWords(value))}`;
      return `  ${plainText(type)}: ${plainText(text.slice(start, end))}${meaning}\n`;
    })
    .join('');

/** The words by what they did, the most first; or why nothing is said of them. */
const reasonsInWords = (explanation: ExplanationAnswer | undefined): string => {
  if (explanation === undefined) return '';
  if ('code' in explanation) return `  because: ${explanation.code}: ${plainText(explanation.message)}\n`;
  const sorted = explanation.words.toSorted(
    (left, right) => Math.abs(right.contribution) - Math.abs(left.contribution),
  );
  const said = sorted.map(
    ({ word, contribution }) => `${plainText(word)} ${contribution < 0 ? '' : '+'}${contribution.toFixed(2)}`,
  );
  return `  because: ${said.join(', ')}\n`;
};

const inWords = (decision: Decision, text: string): string => {
  const { confidence, id, label, line, micros, offload, verdict, version } = decision;
  const own = `${label}  ${verdict}, ${percent(confidence)}, ${Math.round(micros)} µs, ${line} ${version}`;
  const found = entitiesInWords(decision.entities ?? [], text) + reasonsInWords(decision.explanation);
  return offload.status === 'none'
    ? `${own}\n${found}${id}`
    : `${own}\n${found}bigger tier: ${answerInWords(decision)}\n${id}`;
};

/** Shows a reply as it comes; what has not come in pieces is shown at the end. */
const showReply = async (
  terminal: Terminal,
  options: { socket: string; decision: Decision; waitMs: number; isJson: boolean },
): Promise<Decision> => {
  const { decision, isJson, socket, waitMs } = options;
  let shown = '';
  const answered = await followReply(socket, replyPath(decision.id), {
    waitMs,
    show: ({ restart, text }) => {
      if (isJson) return;
      if (restart === true) terminal.write('\n');
      shown = restart === true ? text : shown + text;
      terminal.write(plainText(text));
    },
  });
  const reply = answered?.offload.answer?.reply ?? '';
  if (!isJson && reply !== '' && reply !== shown) terminal.write(shown === '' ? reply : `\n${reply}`);
  if (!isJson && (reply !== '' || shown !== '')) terminal.write('\n');
  return answered ?? decision;
};

/** The command. */
export const askCommand: Command = {
  name: 'ask',
  summary: 'Asks the running agent for a decision on a text.',
  usage: '[--dir DIR] [--line LINE] [--wait-ms N] [--explain] TEXT',
  flags: {
    dir: { help: 'state directory of the agent (default .nanofleet-agent)', value: 'DIR' },
    socket: { help: 'its socket (default DIR/agent.sock)', value: 'PATH' },
    line: { help: 'model line, when several take text', value: 'LINE' },
    'wait-ms': { help: 'wait so long for a bigger tier (default 0)', value: 'N' },
    explain: { help: 'show which words decided, by how much the log-odds of the label fall without them' },
  },
  async run({ flags, words }, terminal) {
    if (words.length === 0) throw new UsageError('a text is needed');
    const waitMs = optionalNumber(flags, 'wait-ms', { min: 0, max: WAIT_MS_MAX }) ?? 0;
    const line = optional(flags, 'line');
    const socket = socketOf(flags);
    const isJson = flags['json'] === true;
    const text = words.join(' ');
    const asked = await askAgent(socket, LOCAL_PATHS.decide, {
      text,
      ...(line === undefined ? {} : { line }),
      ...(flags['explain'] === true ? { explain: true } : {}),
    });
    const decision = decisionSchema.parse(asked);
    const isAwaited = waitMs > 0 && decision.offload.status === 'queued';
    const answered = isAwaited ? await showReply(terminal, { socket, decision, waitMs, isJson }) : decision;
    const { explanation } = decision;
    const last = explanation === undefined ? answered : { ...answered, explanation };
    terminal.line(isJson ? JSON.stringify(last) : inWords(last, text));
    return 0;
  },
};
