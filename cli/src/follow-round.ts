/**
 * Following a round until it ends, and how a round reads in words. Owns the words for a round's state; never changes one.
 */
import type { Round, RoundAccuracy, RoundDetail } from '@nanofleet/protocol';
import type { Client } from './client.ts';
import type { Paint, Terminal } from './terminal.ts';
import { bytesText, shareText, shortDigest } from './units.ts';
import type { World } from './world.ts';

const POLL_MS = 250;
const ENDS: readonly Round['status'][] = ['candidate', 'failed', 'aborted'];

/** Polls a round, showing how many updates are there, until it has ended. */
export async function followRound(options: {
  client: Client;
  terminal: Terminal;
  world: World;
  id: string;
}): Promise<RoundDetail> {
  const { client, id, terminal, world } = options;
  let round = await client.call('round', { params: { id } });
  const bar = terminal.bar(`Round ${round.turn} of ${round.line}`);
  while (!ENDS.includes(round.status)) {
    bar.update(round.counts.updates, Math.max(round.counts.asked, round.settings.updatesMin));
    await world.sleep(POLL_MS);
    round = await client.call('round', { params: { id } });
  }
  bar.end(`Round ${round.id}: ${round.status}.`);
  return round;
}

const PAINTS: Partial<Record<Round['status'], Paint>> = {
  candidate: 'green',
  failed: 'red',
  aborted: 'yellow',
};

/** A state in its colour. */
export const statusText = (terminal: Terminal, { status }: Pick<Round, 'status'>): string =>
  terminal.paint(status, PAINTS[status] ?? 'cyan');

const percent = (value: number | null): string => (value === null ? '–' : `${(value * 100).toFixed(1)} %`);

/** Accuracy before and after, one line a kind. */
export function accuracyLines(
  terminal: Terminal,
  { after, before }: { readonly before: RoundAccuracy; readonly after: RoundAccuracy },
): string[] {
  const row = (name: string, key: keyof RoundAccuracy) =>
    `  ${terminal.paint(name.padEnd(28), 'dim')}${percent(before[key]).padStart(8)}  →  ${percent(after[key]).padStart(8)}`;
  return [
    row('intents that it had', 'old'),
    row('new intents', 'added'),
    row('out of scope, not called sure', 'outOfScope'),
    row('answered as sure', 'sure'),
  ];
}

/** A round in some lines. */
export function roundLines(terminal: Terminal, round: RoundDetail): string[] {
  const { asked, declined, refused, updates } = round.counts;
  const fact = (name: string, value: string) => `${terminal.paint(name.padEnd(12), 'dim')}${value}`;
  const added = round.labels.added.length === 0 ? '' : `, new: ${round.labels.added.join(', ')}`;
  return [
    fact('round', `${round.id}, ${statusText(terminal, round)}`),
    fact('base', `${round.line} ${round.baseVersion} ${shortDigest(round.base)}, turn ${round.turn}${added}`),
    fact('devices', `${updates} of ${asked} contributed, ${declined} declined, ${refused} messages refused`),
    fact('updates', `${bytesText(round.updateBytes)} over ${round.examples} examples`),
    ...(round.problem === null ? [] : [fact('why', `${round.problem.code}: ${round.problem.message}`)]),
    ...(round.accuracy === null ? [] : [fact('accuracy', ''), ...accuracyLines(terminal, round.accuracy)]),
    ...(round.candidate === null ? [] : [fact('candidate', round.candidate)]),
    ...round.devices.flatMap(({ code, device, state }) =>
      code === null ? [] : [fact('', `${device} ${state}: ${code}`)],
    ),
  ];
}

/** How much of the in-scope texts a round answers rightly now; a dash before it is judged. */
export const shareAfter = ({ accuracy }: Pick<Round, 'accuracy'>, kind: 'old' | 'added'): string => {
  const value = accuracy?.after[kind] ?? null;
  return value === null ? '–' : shareText(value);
};
