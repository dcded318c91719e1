/** A rollout in waves in words: where it is, how each wave went, what its gate sees. Pure; never asks anything. */
import type { GateSignal, Rollout, RolloutCourse, RolloutWave } from '@nanofleet/protocol';
import type { Terminal } from './terminal.ts';

const SIGNAL_NAMES: Readonly<Record<GateSignal['signal'], string>> = {
  pairs: 'right where models differ',
  agreement: 'disagreement with bigger tier',
  abstain: 'not sure',
  offload: 'offloaded',
  errors: 'failed',
  latency: 'time, µs',
  score: 'mean score',
};

/** "first 50", "1 %", "3 named". */
const waveText = (wave: RolloutWave | undefined): string => {
  if (wave === undefined) return 'the rest';
  if ('percent' in wave) return `${wave.percent} %`;
  return 'count' in wave ? `first ${wave.count}` : `${wave.devices.length} named`;
};

const valueText = ({ signal }: GateSignal, value: number | null): string => {
  if (value === null) return '–';
  return signal === 'latency' ? Math.exp(value).toFixed(0) : `${(value * 100).toFixed(2)} %`;
};

/** One line per signal that has something to say. */
const gateLines = (terminal: Terminal, { gate }: RolloutCourse): string[] => {
  if (gate === null) return [];
  const { decisions, devices, message, signals, verdict } = gate;
  const known = signals.filter(({ control, exposed }) => exposed !== null || control !== null);
  const paint = verdict === 'stopped' ? 'red' : verdict === 'passed' ? 'green' : 'yellow';
  return [
    `gate ${terminal.paint(verdict, paint)}: ${message} (${decisions} decisions of ${devices.exposed} devices, against ${devices.control})`,
    ...known.map((each) => {
      const share = Math.min(1, Math.log(Math.max(1, each.evidence)) / Math.log(each.needed));
      return `  ${SIGNAL_NAMES[each.signal].padEnd(30)} ${valueText(each, each.exposed).padStart(9)} with it, ${valueText(each, each.control).padStart(9)} without; evidence ${Math.round(share * 100)} % of a stop`;
    }),
  ];
};

/** The course of a rollout, a line each. */
export const courseLines = (terminal: Terminal, { course }: Pick<Rollout, 'course'>): string[] => {
  if (course === null) return [];
  const { phase, plan, reason, wave, waves } = course;
  const rows = waves.map((each, at) => {
    const mark = at < wave || phase === 'done' ? '✓' : at === wave ? '›' : ' ';
    const parts = [
      `${each.given} have it`,
      `${each.succeeded} run it`,
      ...(each.failed > 0 ? [terminal.paint(`${each.failed} failed`, 'red')] : []),
      ...(each.open > 0 ? [`${each.open} at work`] : []),
      ...(each.away > 0 ? [terminal.paint(`${each.away} away`, 'yellow')] : []),
      ...(each.back > 0 ? [terminal.paint(`${each.back} back to what they had`, 'yellow')] : []),
    ];
    return `${mark} wave ${at + 1} (${waveText(plan.waves[at])}, up to ${each.quota}): ${parts.join(', ')}`;
  });
  const why = reason === null ? [] : [terminal.paint(`${reason.code}: ${reason.message}`, 'red')];
  return [`phase ${terminal.paint(phase, 'bold')}`, ...rows, ...why, ...gateLines(terminal, course)];
};
