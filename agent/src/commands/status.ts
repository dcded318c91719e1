/** `nanofleet-agent status`: what the running agent says of itself. */
import {
  type AgentStatus,
  agentStatusSchema,
  type LineReport,
  LOCAL_PATHS,
  plainText,
  type SinkReport,
  type SourceReport,
} from '@nanofleet/protocol';
import type { Command } from './command.ts';
import { askAgent, socketOf } from './local-client.ts';

const DIGEST_SHOWN = 12;

const lineInWords = ([line, report]: [string, LineReport]): string => {
  const running = report.running;
  const runs =
    running === null ? 'nothing yet' : `${running.version} (${running.digest.slice(0, DIGEST_SHOWN)})`;
  const refused =
    report.refused === undefined
      ? ''
      : `, refused ${report.refused.digest.slice(0, DIGEST_SHOWN)}: ${report.refused.code}`;
  return `  ${line.padEnd(14)} ${runs}, ${report.step}${refused}`;
};

const learningInWords = ({ isOn, examples, lastRound }: AgentStatus['learning']): string => {
  const takesPart = isOn ? '' : ', takes no part in rounds';
  if (lastRound === null) return `${examples} examples, no round yet${takesPart}`;
  const { round, state, code, accuracy } = lastRound;
  const why = code === undefined ? '' : ` (${code})`;
  const gain =
    accuracy === undefined ? '' : `, accuracy ${accuracy.before.toFixed(3)} to ${accuracy.after.toFixed(3)}`;
  return `${examples} examples, round ${round.slice(0, 8)} ${state}${why}${gain}${takesPart}`;
};

/** What a source did, and what went wrong there. */
const sourceInWords = ([name, report]: [string, SourceReport]): string => {
  const { kind, state, taken, samples, dropped, gaps, lastError, lastTakenAt } = report;
  const lost = Object.entries(dropped).filter(([, count]) => count > 0);
  const parts = [
    `${kind}, ${state}, ${taken} taken`,
    ...(samples > 0 ? [`${samples} samples`] : []),
    ...(gaps > 0 ? [`${gaps} gaps`] : []),
    ...lost.map(([reason, count]) => `${count} dropped as ${reason}`),
    ...(lastTakenAt === null ? [] : [`last ${new Date(lastTakenAt).toISOString()}`]),
  ];
  const why = lastError === null ? '' : `\n    last error: ${plainText(lastError)}`;
  return `  ${name.padEnd(14)} ${parts.join(', ')}${why}`;
};

/** What a sink got, and what went wrong there. */
const sinkInWords = ([name, report]: [string, SinkReport]): string => {
  const { kind, state, sent, dropped, waiting, lastError, lastSentAt } = report;
  const lost = Object.entries(dropped).filter(([, count]) => count > 0);
  const parts = [
    `${kind}, ${state}, ${sent} sent`,
    ...(waiting > 0 ? [`${waiting} waiting`] : []),
    ...lost.map(([reason, count]) => `${count} dropped as ${reason}`),
    ...(lastSentAt === null ? [] : [`last ${new Date(lastSentAt).toISOString()}`]),
  ];
  const why = lastError === null ? '' : `\n    last error: ${plainText(lastError)}`;
  return `  ${`sink ${name}`.padEnd(14)} ${parts.join(', ')}${why}`;
};

/** Which agent runs, and which it came back from. */
const agentInWords = ({ refused, step, version }: NonNullable<AgentStatus['agent']>): string => {
  const why = refused === undefined ? '' : `\n    ${refused.code}: ${refused.message}`;
  return `  agent          ${version}, ${step}${why}`;
};

const inWords = (status: AgentStatus): string => {
  const { health } = status;
  const lines = [
    `${status.device ?? 'not enrolled'} of ${status.fleet ?? 'no fleet'}: ${status.link}, session ${status.session}, offload ${status.offload}, explanations ${status.explanations}`,
    ...(status.engine === undefined
      ? []
      : [`  engine         ${status.engine.name} ${status.engine.version}`]),
    ...Object.entries(status.lines).map(lineInWords),
    `  records        ${status.waiting} waiting, ${status.delivered} delivered`,
    `  learning       ${learningInWords(status.learning)}`,
    ...Object.entries(status.sources).map(sourceInWords),
    ...Object.entries(status.sinks).map(sinkInWords),
    ...(status.agent === undefined ? [] : [agentInWords(status.agent)]),
    ...status.problems.map(({ code, message }) => `  ${code}: ${message}`),
  ];
  if (health !== null) {
    const { decisions, decisionMicros, rssBytes } = health;
    lines.push(
      `  decisions      ${decisions.total}, p50 ${Math.round(decisionMicros.p50)} µs, p99 ${Math.round(decisionMicros.p99)} µs`,
      `  memory         ${(rssBytes / 1e6).toFixed(0)} MB`,
    );
  }
  return lines.join('\n');
};

/** The command. */
export const statusCommand: Command = {
  name: 'status',
  summary: 'Shows link, lines, records and health of the running agent.',
  usage: '[--dir DIR]',
  flags: {
    dir: { help: 'state directory of the agent (default .nanofleet-agent)', value: 'DIR' },
    socket: { help: 'its socket (default DIR/agent.sock)', value: 'PATH' },
  },
  async run({ flags }, terminal) {
    const status = await askAgent(socketOf(flags), LOCAL_PATHS.status);
    terminal.line(flags['json'] === true ? JSON.stringify(status) : inWords(agentStatusSchema.parse(status)));
    return 0;
  },
};
