/**
 * What `doctor` asks of the network and the clock: whether controller and broker answer, and whether this machine's time
 * is theirs. Never signs in: with the device's own name it would end the session of the agent that runs.
 */
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { HTTP_DEADLINE_MS, toNanofleetError } from '@nanofleet/protocol';
import type { Clock, TlsIdentity } from '@nanofleet/runtime/ports';
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

/** Whether the controller answers, and is one of those whom the device believes. */
export const checkController = async (url: string, tls: TlsIdentity | null): Promise<ControllerSeen> => {
  const todo = `Look whether it runs and whether this device reaches ${new URL(url).host}; decisions go on without it.`;
  try {
    const { status, headers } = await sendHttp({
      method: 'GET',
      url: new URL('/healthz', url).href,
      tls,
      bytesMax: ANSWER_BYTES_MAX,
    });
    const told = Date.parse(headers.date ?? '');
    const finding =
      status === 200 ? fine('controller', url) : wrong('controller', `${url} answered ${status}`, todo);
    return { finding, unixMs: Number.isNaN(told) ? null : told };
  } catch (thrown) {
    return { finding: wrong('controller', toNanofleetError(thrown).message, todo), unixMs: null };
  }
};

interface Place {
  readonly host: string;
  readonly port: number;
  /** Null: a connection without TLS is enough. */
  readonly tls: TlsIdentity | null;
}

/** Whether somebody listens there, and is one of those who are believed; null, or why not. */
export const reaches = ({ host, port, tls }: Place): Promise<string | null> =>
  new Promise((resolve) => {
    const given = { host, port, timeout: HTTP_DEADLINE_MS };
    const { ca } = tls ?? {};
    // Names of certificates are host names; an address is compared as it is.
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket =
      tls === null
        ? connect(given)
        : connectTls({ ...given, ...servername, ...(ca === undefined ? {} : { ca: [...ca] }) });
    const end = (why: string | null): void => {
      socket.destroy();
      resolve(why);
    };
    socket.once(tls === null ? 'connect' : 'secureConnect', () => end(null));
    socket.once('timeout', () => end('the deadline passed'));
    socket.once('error', (error: Error) => end(error.message));
  });

/** Whether somebody listens where the broker should be, and is one of those whom the device believes. */
export const checkBroker = async (url: string, believed: TlsIdentity | null): Promise<Finding> => {
  const { hostname, port, protocol } = new URL(url);
  const why = await reaches({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (DEFAULT_PORTS[protocol] ?? 1883) : Number(port),
    tls: protocol === 'mqtts:' ? (believed ?? {}) : null,
  });
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
