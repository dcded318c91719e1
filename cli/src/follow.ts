/**
 * Following a rollout until each device that can be reached has decided: runs it or refuses it. Owns the words for a
 * rollout's state; never changes one.
 */
import type { Rollout } from '@nanofleet/protocol';
import type { Client } from './client.ts';
import type { Terminal } from './terminal.ts';
import type { World } from './world.ts';

const POLL_MS = 250;

/** Polls a rollout, showing a bar, until no reachable device is undecided or another rollout has taken its place. */
export async function followRollout(options: {
  client: Client;
  terminal: Terminal;
  world: World;
  rollout: Rollout;
}): Promise<Rollout> {
  const { client, terminal, world } = options;
  const bar = terminal.bar(`${options.rollout.line} ${options.rollout.version}`);
  let rollout = options.rollout;
  while (!isDecided(rollout)) {
    bar.update(shareDone(rollout), 1);
    await world.sleep(POLL_MS);
    rollout = await client.call('rollout', { params: { id: rollout.id } });
  }
  bar.end(`Rollout ${rollout.id}: ${rollout.status}.`);
  return rollout;
}

/** One in waves is watched until it has ended, or waits for a person. */
const isDecided = ({ course, counts, status }: Rollout): boolean =>
  status !== 'running' ||
  (course === null
    ? counts.total > 0 && counts.pending === 0
    : course.phase === 'approval' || course.phase === 'paused');

/** Devices that are done count whole, the others by the bytes that they have. */
function shareDone({ devices }: Rollout): number {
  const parts = devices.map(({ state, progress }) => {
    if (state === 'running' || state === 'refused' || state === 'offline') return 1;
    return progress === undefined || progress.bytesTotal === 0 ? 0 : progress.bytesDone / progress.bytesTotal;
  });
  return parts.reduce((sum, part) => sum + part, 0) / Math.max(1, parts.length);
}

/** One line on a rollout. */
export function rolloutText(terminal: Terminal, { line, version, counts, status, id }: Rollout): string {
  const parts = [
    `${counts.running} of ${counts.total} run it`,
    counts.refused > 0 ? terminal.paint(`${counts.refused} refuse it`, 'red') : '',
    counts.pending > 0 ? `${counts.pending} at work` : '',
    counts.offline > 0 ? terminal.paint(`${counts.offline} offline`, 'yellow') : '',
  ].filter((part) => part !== '');
  return `${terminal.paint(`${line} ${version}`, 'bold')} ${status}: ${parts.join(', ')}  ${terminal.paint(id, 'dim')}`;
}

/** A rollout that a device refused has failed. */
export const rolloutExitCode = ({ status, counts }: Rollout): number =>
  status === 'refused' || status === 'stopped' || counts.refused > 0 ? 1 : 0;
