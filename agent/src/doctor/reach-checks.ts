/**
 * What `doctor` asks of the network and the clock: whether controller and broker answer, and whether this machine's time
 * is theirs. Never signs in: with the device's own name it would end the session of the agent that runs.
 */
import { connect } from 'node:net';
import { HTTP_DEADLINE_MS, toNanofleetError } from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import { sendHttp } from '../ports/http-client.ts';
import { doubtful, type Finding, fine, wrong } from './finding.ts';

const ANSWER_BYTES_MAX = 65_536;
/** An offload's default deadline of two minutes would be over before it is asked. */
const CLOCK_ERROR_MS_MAX = 60_000;
/** 2026-01-01, before any release of this program. */
const EARLIEST_UNIX_MS = 1_767_225_600_000;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 };

/** What the controller answered. */
export interface ControllerSeen {
  readonly finding: Finding;
  /** Its time, milliseconds since 1970; null when it did not tell. */
  readonly unixMs: number | null;
}

/** Whether the controller answers. */
export const checkController = async (url: string): Promise<ControllerSeen> => {
  const todo = `Look whether it runs and whether this device reaches ${new URL(url).host}; decisions go on without it.`;
  try {
    const asked = { method: 'GET', url: new URL('/healthz', url).href, bytesMax: ANSWER_BYTES_MAX } as const;
    const { status, headers } = await sendHttp(asked);
    const told = Date.parse(headers.date ?? '');
    const finding =
      status === 200 ? fine('controller', url) : wrong('controller', `${url} answered ${status}`, todo);
    return { finding, unixMs: Number.isNaN(told) ? null : told };
  } catch (thrown) {
    return { finding: wrong('controller', toNanofleetError(thrown).message, todo), unixMs: null };
  }
};

const reaches = (host: string, port: number): Promise<string | null> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: HTTP_DEADLINE_MS });
    const end = (why: string | null): void => {
      socket.destroy();
      resolve(why);
    };
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end('the deadline passed'));
    socket.once('error', (error) => end(error.message));
  });

/** Whether somebody listens where the broker should be. */
export const checkBroker = async (url: string): Promise<Finding> => {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const why = await reaches(host, port === '' ? (DEFAULT_PORTS[protocol] ?? 1883) : Number(port));
  if (why === null) return fine('broker', url);
  return wrong(
    'broker',
    `${url} does not answer: ${why}`,
    'Look whether the broker runs; records wait until it does.',
  );
};

/** Whether the time of this machine is about that of the controller, or at least possible. */
export const checkClock = (clock: Clock, controllerUnixMs: number | null): Finding => {
  const nowMs = clock.unixMs();
  const now = new Date(nowMs).toISOString();
  const todo =
    'Set the clock, for instance with NTP. The agent works all the same, but records say wrong times.';
  if (controllerUnixMs === null)
    return nowMs >= EARLIEST_UNIX_MS
      ? fine('clock', `${now}, compared with nobody`)
      : doubtful('clock', `${now} is before this program was made`, todo);
  const errorMs = Math.abs(nowMs - controllerUnixMs);
  if (errorMs <= CLOCK_ERROR_MS_MAX) return fine('clock', now);
  return doubtful('clock', `${now} is ${Math.round(errorMs / 1_000)} s off the controller`, todo);
};
