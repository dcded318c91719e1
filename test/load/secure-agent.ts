// A real agent process over TLS, as a device has it: the bundled program with the settings of its launcher, enrolled by its
// own command, signed bundles, perhaps a relay between it and the broker. Owns the process and its directory's contents.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type AgentStatus, agentStatusSchema, LOCAL_PATHS, NanofleetError } from '@nanofleet/protocol';
import { signBundleDirectory } from '@nanofleet/protocol/node';
import { AGENT_LAUNCH } from '@nanofleet/start';
import { AGENT_FILE, BUNDLES, ROOT } from '../bench/parts/lone-agent.ts';
import { jsonOf, sendRaw } from '../faults/parts/http.ts';
import type { SecureSite } from './secure-site.ts';

/** Where it lives and how it is started. */
export interface SecureAgentOptions {
  readonly site: SecureSite;
  readonly directory: string;
  readonly name: string;
  /** Port that it finds the broker at; the site's own when left out. */
  readonly mqttPort?: number;
  readonly args: readonly string[];
}

/** A running agent. */
export class SecureAgent {
  readonly pid: number;
  readonly socket: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, socket: string) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.socket = socket;
  }

  /** Enrols and starts it; it is connected when this resolves. */
  static async start(options: SecureAgentOptions): Promise<SecureAgent> {
    const { directory, mqttPort, name, site } = options;
    const state = join(directory, 'state');
    const token = await site.fleetToken(1);
    await end(launch(['enrol', '--dir', state, '--name', name, '--token', token]));
    if (mqttPort !== undefined) leadTo(join(state, 'identity.json'), mqttPort);
    const shipped = join(directory, 'shipped');
    for (const bundle of BUNDLES) {
      cpSync(join(ROOT, 'bundles', bundle), join(shipped, bundle), { recursive: true });
      await signBundleDirectory(join(shipped, bundle), site.publisher);
    }
    const args = ['run', '--dir', state, '--bundles', shipped, '--exit-with-stdin', '--json'];
    const child = launch([...args, ...options.args]);
    await ready(child);
    const agent = new SecureAgent(child, join(state, 'agent.sock'));
    await agent.until(({ link }) => link === 'connected');
    return agent;
  }

  /** What it says of itself. */
  async status(): Promise<AgentStatus> {
    const answer = await sendRaw({ socketPath: this.socket }, { path: LOCAL_PATHS.status });
    return agentStatusSchema.parse(jsonOf(answer));
  }

  /** Waits until its status is so. @throws NanofleetError INTERNAL after a minute */
  async until(isSo: (status: AgentStatus) => boolean, withinMs = 60_000): Promise<void> {
    const untilMs = Date.now() + withinMs;
    while (!isSo(await this.status())) {
      if (Date.now() > untilMs) throw new NanofleetError('INTERNAL', 'the agent did not come so far in time');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await once(this.#child, 'close');
  }
}

const launch = (args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [...AGENT_LAUNCH.flags, AGENT_FILE, ...args], {
    stdio: ['pipe', 'pipe', process.env['NANOFLEET_AGENT_LOG'] === undefined ? 'ignore' : 'inherit'],
    env: { ...process.env, ...AGENT_LAUNCH.environment },
  });

const end = async (child: ChildProcess): Promise<void> => {
  child.stdin?.end();
  await once(child, 'close');
  if (child.exitCode !== 0) throw new NanofleetError('DEVICE_NOT_ENROLLED', 'the agent could not enrol');
};

const ready = async (child: ChildProcess): Promise<void> => {
  if (child.stdout === null) return;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('"ready":true')) return;
  }
  throw new NanofleetError('INTERNAL', 'the agent ended before it was ready');
};

const leadTo = (path: string, port: number): void => {
  const identity = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...identity, brokerUrl: `mqtts://127.0.0.1:${port}` }), {
    mode: 0o600,
  });
};
