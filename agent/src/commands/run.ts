/**
 * `nanofleet-agent run`: the daemon. Gives the agent its real ports, opens the listeners, says when it is ready, and
 * ends in order. Holds no rule of the agent.
 */

import { join } from 'node:path';
import {
  BEAT_INTERVAL_MS,
  NanofleetError,
  PROBATION_MOST_MS,
  SHUTDOWN_MS,
  SOCKET_PATH_BYTES_MAX,
} from '@nanofleet/protocol';
import { engineInWords, loadEngine } from '@nanofleet/runtime/node';
import { pause, randomHex } from '@nanofleet/runtime/ports';
import { Agent } from '../agent.ts';
import type { AgentPorts } from '../agent-parts.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { makeGuard } from '../intake/guard.ts';
import { type Listener, listenOnLoopback, listenOnSocket } from '../intake/listeners.ts';
import { makeLocalApi } from '../intake/local-api.ts';
import { CertificateKeeper } from '../link/certificate-keeper.ts';
import { checkPrivateUrl } from '../link/private-url.ts';
import { fileDisk } from '../ports/file-disk.ts';
import { freeAfterStart } from '../ports/heap.ts';
import { closeHttp, sendHttp } from '../ports/http-client.ts';
import { makeHttpRenewal } from '../ports/http-renewal.ts';
import { runProgram } from '../ports/programs.ts';
import { makeStderrLog } from '../ports/stderr-log.ts';
import { systemClock } from '../ports/system-clock.ts';
import { systemSourceFiles } from '../ports/system-source-files.ts';
import { tellSystemd } from '../ports/systemd-notify.ts';
import { writeAtomically } from '../store/atomic-file.ts';
import { provideKeys } from '../store/device-keys.ts';
import { readIdentity } from '../store/identity.ts';
import { readKnownNames } from '../store/known-names.ts';
import { lockState } from '../store/state-lock.ts';
import { probationWithin } from '../trial/probation.ts';
import { STAGED_EXIT_CODE } from '../upgrade/upgrade.ts';
import { listenForWyoming } from '../wyoming/wyoming-listener.ts';
import { type Command, type Flags, optional, optionalNumber, type Terminal } from './command.ts';
import { directoryOf } from './local-client.ts';
import { portsFor } from './real-ports.ts';
import { CONFIG_FLAG, ENGINE_FLAG, readRunSettings } from './run-settings.ts';

const TOKEN_BYTES = 32;

/** The word that programs show at the loopback listener; made once per state directory. */
const tokenIn = (directory: string, ports: AgentPorts): string => {
  const path = join(directory, 'http-token');
  const found = Buffer.from(ports.disk.read(path) ?? [])
    .toString('utf8')
    .trim();
  if (found.length >= TOKEN_BYTES) return found;
  const token = `nfl_${randomHex(ports.random, TOKEN_BYTES)}`;
  writeAtomically(ports.disk, path, `${token}\n`);
  return token;
};

/** The socket to listen on; null when only the port was asked for and the directory lies too deep for a socket. */
const socketFor = (directory: string, { socket, http }: AgentConfig['listen']): string | null => {
  if (socket !== undefined) return socket;
  const usual = join(directory, 'agent.sock');
  const isTooLong = Buffer.byteLength(usual) > SOCKET_PATH_BYTES_MAX;
  return isTooLong && http !== undefined ? null : usual;
};

interface Listening {
  readonly socket: string | null;
  readonly http: number | null;
  readonly wyoming: number | null;
  readonly close: () => Promise<unknown>;
}

const listen = async (
  agent: Agent,
  ports: AgentPorts,
  given: { directory: string; places: AgentConfig['listen'] },
): Promise<Listening> => {
  const { directory, places } = given;
  const { log } = ports;
  const opened: Listener[] = [];
  const socket = socketFor(directory, places);
  if (socket !== null)
    opened.push(await listenOnSocket(socket, makeLocalApi({ service: agent, guard: null, log })));
  let http: number | null = null;
  if (places.http !== undefined) {
    const guard = makeGuard(tokenIn(directory, ports));
    const listener = await listenOnLoopback(places.http, makeLocalApi({ service: agent, guard, log }));
    opened.push(listener);
    http = listener.port;
  }
  let wyoming: number | null = null;
  if (places.wyoming !== undefined) {
    const listener = await listenForWyoming(agent.wyoming(places.wyoming), log);
    opened.push(listener);
    wyoming = listener.port;
  }
  return { socket, http, wyoming, close: () => Promise.all(opened.map((listener) => listener.close())) };
};

const readyLine = (
  agent: Agent,
  { socket, http, wyoming }: Listening,
  options: { device: string; isJson: boolean },
): string => {
  const lines = agent.lines();
  if (options.isJson) {
    const ports = {
      ...(socket === null ? {} : { socket }),
      ...(http === null ? {} : { http }),
      ...(wyoming === null ? {} : { wyoming }),
    };
    const readyMs = Math.round(systemClock.monotonicMicros() / 1_000);
    return JSON.stringify({
      ready: true,
      device: options.device,
      pid: process.pid,
      readyMs,
      lines,
      ...ports,
    });
  }
  const running = Object.entries(lines).map(([line, { version }]) => `${line} ${version}`);
  const where = [
    socket,
    http === null ? null : `http://127.0.0.1:${http}`,
    wyoming === null ? null : `tcp://127.0.0.1:${wyoming} (Wyoming)`,
  ].filter((place) => place !== null);
  return `${options.device} is ready on ${where.join(' and ')}: ${running.join(', ') || 'no model yet'}`;
};

const close = async (agent: Agent, listening: Listening): Promise<void> => {
  const orderly = async (): Promise<void> => {
    await listening.close();
    await agent.close();
  };
  closeHttp();
  await Promise.race([orderly(), pause(systemClock, SHUTDOWN_MS)]);
};

const makeSignal = () => {
  let isGiven = false;
  let give = (): void => undefined;
  const given = new Promise<void>((resolve) => {
    give = () => {
      isGiven = true;
      resolve();
    };
  });
  return { give: () => give(), given, isGiven: () => isGiven };
};

interface Run {
  readonly directory: string;
  readonly settings: AgentConfig;
  readonly isJson: boolean;
  readonly withStdin: boolean;
  readonly notify: boolean;
  /** What the loader says of itself and of the release that it starts; null without one. */
  readonly loader: { version: number; release: string | null } | null;
}

const runAgent = async (run: Run, terminal: Terminal): Promise<number> => {
  const { directory, settings, isJson, loader, notify, withStdin } = run;
  const staged = makeSignal();
  const { bundles, names, beatMs, fetchBytesPerSecond, learning, explanations, sources, sinks } = settings;
  const identity = readIdentity(fileDisk, directory);
  checkPrivateUrl(identity.brokerUrl);
  checkPrivateUrl(identity.controllerUrl);
  const keys = await provideKeys(directory);
  const { device, controllerUrl: controller } = identity;
  const log = makeStderrLog(systemClock);
  const ask = makeHttpRenewal({ controller, device, keys });
  const engine = loadEngine(settings.engine);
  log.info('engine', { engine: engineInWords(engine) });
  const certificate = new CertificateKeeper({ disk: fileDisk, directory, keys, log, ask });
  const ports = portsFor(identity, { certificate, deviceKey: keys.device, engine });
  const agent = new Agent(
    {
      directory,
      identity,
      beatMs,
      probation: probationWithin(settings.probationMs),
      learning,
      explanations,
      outflow: { sinks, http: sendHttp, run: runProgram },
      inflow: { sources, files: systemSourceFiles, input: () => terminal.input() },
      ...(names === undefined ? {} : { names: readKnownNames(fileDisk, names) }),
      ...(bundles === undefined ? {} : { bundles }),
      ...(fetchBytesPerSecond === undefined ? {} : { fetchBytesPerSecond }),
      ...(loader === null ? {} : { loader: { ...loader, restart: staged.give } }),
    },
    ports,
  );
  await agent.load();
  const listening = await listen(agent, ports, { directory, places: settings.listen });
  const ended = terminal.ended({ withStdin });
  terminal.line(readyLine(agent, listening, { device: identity.device, isJson }));
  agent.start();
  freeAfterStart();
  const stopTelling = notify ? tellSystemd(systemClock, log) : null;
  await Promise.race([ended, staged.given]);
  stopTelling?.();
  await close(agent, listening);
  return staged.isGiven() ? STAGED_EXIT_CODE : 0;
};

const loaderIn = (flags: Flags): Run['loader'] => {
  const version = optionalNumber(flags, 'loader', { min: 1, max: 1_000 });
  return version === undefined ? null : { version, release: optional(flags, 'release') ?? null };
};

/** The command. */
export const runCommand: Command = {
  name: 'run',
  summary: 'Runs the agent until it is told to end: decisions for local programs, records to the controller.',
  usage:
    '--dir DIR [--config FILE] [--http PORT] [--socket PATH] [--bundles DIR] [--names FILE] [--engine NAME]',
  flags: {
    dir: { help: 'state directory (default .nanofleet-agent)', value: 'DIR' },
    config: CONFIG_FLAG,
    http: { help: 'listen on this port of 127.0.0.1, too; 0 takes a free one', value: 'PORT' },
    socket: { help: 'Unix socket (default DIR/agent.sock)', value: 'PATH' },
    bundles: { help: 'signed bundles for lines that have none yet', value: 'DIR' },
    engine: ENGINE_FLAG,
    names: { help: 'JSON file of the areas and devices that texts may name', value: 'FILE' },
    'beat-ms': { help: `interval of beats (default ${BEAT_INTERVAL_MS})`, value: 'N' },
    'probation-ms': {
      help: `a new model is watched for so long at most (default ${PROBATION_MOST_MS})`,
      value: 'N',
    },
    'no-learning': { help: 'keep labels, but take no part in rounds: no update ever leaves' },
    'no-explanations': { help: 'explain no decision to local programs, whatever the policy of the group' },
    notify: { help: 'tell systemd that it is ready and lives: for a unit of Type=notify' },
    loader: { help: 'given by the loader: what it knows', value: 'N' },
    release: { help: 'given by the loader: the release that it starts', value: 'DIGEST' },
    'exit-with-stdin': { help: 'end when standard input ends' },
  },
  async run({ flags }, terminal) {
    const directory = directoryOf(flags);
    if (fileDisk.list(directory).length === 0) readIdentity(fileDisk, directory);
    const settings = await readRunSettings(fileDisk, directory, flags);
    const run = {
      directory,
      settings,
      isJson: flags['json'] === true,
      withStdin: flags['exit-with-stdin'] === true,
      notify: flags['notify'] === true,
      loader: loaderIn(flags),
    };
    const unlock = lockState(directory);
    try {
      return await runAgent(run, terminal);
    } catch (thrown) {
      if (thrown instanceof NanofleetError) throw thrown;
      throw new NanofleetError('INTERNAL', `the agent on ${directory} ended: ${String(thrown)}`, {
        cause: thrown,
      });
    } finally {
      unlock();
    }
  },
};
