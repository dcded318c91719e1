/**
 * Real agent processes for tests: enrolled by their own command, started, asked over their socket, ended with the
 * tests of the file.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type ProgramTerminal, runProgram as runAgentProgram } from '@nanofleet/agent';
import {
  type AgentStatus,
  agentStatusSchema,
  type Decision,
  decisionSchema,
  LOCAL_PATHS,
  NanofleetError,
} from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { expect } from 'vitest';
import { atEnd } from '../../endings.ts';
import { CLONE } from './clone.ts';
import { jsonOf, type RawAnswer, type RawRequest, sendRaw } from './http.ts';
import { FLEET } from './operator.ts';
import { type Ended, type Running, startProgram } from './programs.ts';

const BEAT_MS = 200;

/** A started agent. */
export interface TestAgent extends Running {
  readonly directory: string;
  /** One request over its socket. */
  send(request: RawRequest): Promise<RawAnswer>;
  ask(text: string, options?: { waitMs?: number; deadlineMs?: number }): Promise<Decision>;
  /** One decision as it stands now. */
  decision(id: string): Promise<Decision>;
  status(): Promise<AgentStatus>;
}

/** Enrols a directory. */
export const enrol = (options: { directory: string; token: string; name: string }): Promise<Ended> =>
  runAgentCommand('enrol', '--dir', options.directory, '--token', options.token, '--name', options.name);

/** Enrols a directory that nothing should hinder; throws what hindered it. */
export const mustEnrol = async (options: Parameters<typeof enrol>[0]): Promise<void> => {
  const { code, err } = await enrol(options);
  if (code !== 0) throw new NanofleetError('DEVICE_NOT_ENROLLED', err);
};

/** An identity that no controller knows: for what an agent does alone. */
export const writeLoneIdentity = (directory: string, options: { publisher: string }): void => {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const identity = {
    fleet: FLEET,
    device: 'lone',
    group: 'homes',
    credential: 'c'.repeat(43),
    brokerUrl: 'mqtt://127.0.0.1:1',
    controllerUrl: 'http://127.0.0.1:1',
    controllerKey: Buffer.from(generateSigningKey().publicKey).toString('base64'),
    publisherFingerprints: [options.publisher],
  };
  writeFileSync(join(directory, 'identity.json'), JSON.stringify(identity), { mode: 0o600 });
};

const agentOn = (running: Running, directory: string, socketPath: string): TestAgent => {
  const send: TestAgent['send'] = (request) => sendRaw({ socketPath }, request);
  return {
    ...running,
    directory,
    send,
    ask: async (text, options = {}) =>
      decisionSchema.parse(jsonOf(await send({ path: LOCAL_PATHS.decide, body: { text, ...options } }))),
    decision: async (id) =>
      decisionSchema.parse(jsonOf(await send({ path: `${LOCAL_PATHS.decision}${id}` }))),
    status: async () => agentStatusSchema.parse(jsonOf(await send({ path: LOCAL_PATHS.status }))),
  };
};

/** Waits until an agent has its connection; for hooks, too. */
export const untilConnected = async (agent: TestAgent): Promise<void> => {
  await eventually(async () => expect((await agent.status()).link).toBe('connected'));
};

const socketIn = (directory: string, args: readonly string[]): string => {
  const at = args.indexOf('--socket');
  return at === -1 ? join(directory, 'agent.sock') : (args[at + 1] ?? '');
};

const runArguments = (directory: string, args: readonly string[]): string[] => [
  'run',
  '--dir',
  directory,
  '--exit-with-stdin',
  '--json',
  `--beat-ms=${BEAT_MS}`,
  ...args,
];

/** Starts the agent of an enrolled directory as a process. */
export const startAgent = (directory: string, ...args: string[]): Promise<TestAgent> =>
  startAgentBy(CLONE.agent, directory, ...args);

/** The same by a program of its own: another version, or a loader. */
export const startAgentBy = async (
  file: string,
  directory: string,
  ...args: string[]
): Promise<TestAgent> => {
  const running = await startProgram({ file, args: runArguments(directory, args) });
  atEnd(() => running.kill());
  return agentOn(running, directory, socketIn(directory, args));
};

/** A terminal that keeps what is shown, and ends the program when told. */
const makeTerminal = () => {
  const shown = { out: '', err: '' };
  let end = (): void => undefined;
  const isEnded = new Promise<void>((resolve) => {
    end = resolve;
  });
  let tellReady = (_line: string): void => undefined;
  const ready = new Promise<string>((resolve) => {
    tellReady = resolve;
  });
  const terminal: ProgramTerminal = {
    line: (text) => {
      shown.out += `${text}\n`;
      tellReady(text);
    },
    write: (text) => {
      shown.out += text;
    },
    failure: (text) => {
      shown.err += `${text}\n`;
    },
    input: () => Readable.from([]),
    ended: () => isEnded,
  };
  return { shown, end, ready, terminal };
};

/** Runs a command of the agent to its end, within this process: the program without its start. */
export const runAgentCommand = async (...args: string[]): Promise<Ended> => {
  const { shown, end, terminal } = makeTerminal();
  end();
  const code = await runAgentProgram(args, terminal);
  return { code, ...shown };
};

/** Starts the agent of an enrolled directory within this process; it cannot be killed. */
export const startAgentHere = async (directory: string, ...args: string[]): Promise<TestAgent> => {
  const { shown, end, ready, terminal } = makeTerminal();
  let isOver = false;
  const ended = runAgentProgram(runArguments(directory, args), terminal).then((code) => {
    isOver = true;
    return { code, ...shown };
  });
  const line = await Promise.race([ready, ended]);
  if (typeof line !== 'string') throw new NanofleetError('INTERNAL', line.err);
  const stop = (): Promise<Ended> => {
    end();
    return ended;
  };
  const kill = async (): Promise<void> => {
    await stop();
  };
  atEnd(kill);
  const running = { ready: JSON.parse(line) as unknown, pid: process.pid, err: () => shown.err };
  return agentOn({ ...running, isOver: () => isOver, stop, kill }, directory, socketIn(directory, args));
};
