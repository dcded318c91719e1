// One agent as a device has it: the bundled program, signed models, an identity. No controller is there, so nothing but
// the agent itself is measured. Ends with its stdin.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { generateSigningKey, signBundleDirectory } from '@nanofleet/protocol/node';
import type { EngineChoice } from '@nanofleet/runtime/node';
import { AGENT_LAUNCH } from '@nanofleet/start';
import { LeanClient } from './lean-client.ts';

/** The workspace's root, seen from the compiled file. */
export const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
/** The one file that a device gets beside onnxruntime. */
export const AGENT_FILE = join(ROOT, 'agent', 'dist', 'bundle', 'nanofleet-agent.mjs');
/** Bundles of a device with both lines. */
export const BUNDLES = ['household-1', 'vibration-1'] as const;

/** A running agent. */
export interface LoneAgent {
  readonly pid: number;
  /** From spawning the process to its ready line, milliseconds. */
  readonly readyMs: number;
  /** One text over the socket; the body of the answer. */
  decide(text: string): Promise<string>;
  end(): Promise<void>;
}

/** Writes an identity and signed bundles below a directory; their key is made for this and forgotten. */
export async function prepareAgent(directory: string): Promise<void> {
  const key = generateSigningKey();
  for (const name of BUNDLES) {
    const to = join(directory, 'shipped', name);
    cpSync(join(ROOT, 'bundles', name), to, { recursive: true });
    await signBundleDirectory(to, key);
  }
  mkdirSync(join(directory, 'agent'), { recursive: true, mode: 0o700 });
  const identity = {
    fleet: 'bench',
    device: 'lone',
    group: 'homes',
    credential: 'c'.repeat(43),
    brokerUrl: 'mqtt://127.0.0.1:1',
    controllerUrl: 'http://127.0.0.1:1',
    controllerKey: Buffer.from(generateSigningKey().publicKey).toString('base64'),
    publisherFingerprints: [key.fingerprint],
  };
  writeFileSync(join(directory, 'agent', 'identity.json'), JSON.stringify(identity), { mode: 0o600 });
}

/** Starts the agent of a prepared directory on an engine. */
export async function startLoneAgent(directory: string, engine: EngineChoice = 'auto'): Promise<LoneAgent> {
  const state = join(directory, 'agent');
  const args = [
    'run',
    '--dir',
    state,
    '--bundles',
    join(directory, 'shipped'),
    '--engine',
    engine,
    '--exit-with-stdin',
    '--json',
  ];
  const begun = performance.now();
  const child = spawn(process.execPath, [...AGENT_LAUNCH.flags, AGENT_FILE, ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...AGENT_LAUNCH.environment },
  });
  await ready(child);
  const readyMs = performance.now() - begun;
  const client = await LeanClient.open(join(state, 'agent.sock'));
  return {
    pid: child.pid ?? 0,
    readyMs,
    decide: (text) => client.post('/v1/decide', JSON.stringify({ text })),
    end: async () => {
      client.close();
      child.stdin?.end();
      await new Promise((resolve) => child.once('close', resolve));
    },
  };
}

async function ready(child: ChildProcess): Promise<void> {
  if (child.stdout === null) return;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('"ready":true')) return;
  }
  throw new TypeError('the agent ended before it was ready; is it compiled and bundled?');
}

/** A field of /proc/PID/status that is given in kB, in bytes. */
export function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  return Number(kilobytes) * 1_024;
}
