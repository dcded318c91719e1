// What a person does with the line on a device, in its shell: runs it, starts what it names, asks, takes it away. Says at
// which step it went wrong; measures nothing.
import {
  type AgentStatus,
  agentStatusSchema,
  type Decision,
  decisionSchema,
  NanofleetError,
} from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import type { DeviceShell, Said } from './device-shell.ts';

const COMMAND = '/usr/local/bin/nanofleet-agent';
const UNIT = 'nanofleet-agent.service';
const START = /Start it: (.+)$/m;
const QUESTION = 'turn on the light in the kitchen';
/** Emulated, each start of a program takes seconds. */
const DECISION_WITHIN_MS = 600_000;
/** A killed process of a busy machine takes a moment to be gone. */
const ENDS_WITHIN_MS = 15_000;

/** The agent of one device. */
export class InstalledAgent {
  readonly #device: DeviceShell;

  constructor(device: DeviceShell) {
    this.#device = device;
  }

  /** Runs the line. Returns what it says. */
  async install(line: string): Promise<string> {
    return (await this.#must('the line', line)).out;
  }

  /** Starts it with the command that the line named. Returns what it says until now. */
  start(installed: string): () => string {
    const [, command] = START.exec(installed) ?? [];
    if (command === undefined) throw new NanofleetError('INTERNAL', `no command to start it: ${installed}`);
    return this.#device.start(command);
  }

  /** The first decision with a label: until its model is there, the agent has none. */
  firstDecision(): Promise<Decision> {
    return eventually(
      async () => {
        const { out } = await this.#must('ask', `${COMMAND} ask --json '${QUESTION}'`);
        return decisionSchema.parse(JSON.parse(out));
      },
      { withinMs: DECISION_WITHIN_MS, everyMs: 250 },
    );
  }

  async status(): Promise<AgentStatus> {
    const { out } = await this.#must('status', `${COMMAND} status --json`);
    return agentStatusSchema.parse(JSON.parse(out));
  }

  /** What `systemd-analyze` says of the unit that the script would write; empty where the device has no such program. */
  async unit(): Promise<string[]> {
    const place = `/tmp/${UNIT}`;
    const values = 's|@BASE@|/opt/nanofleet|; s|@STATE@|/var/lib/nanofleet-agent|; s|@USER@|nanofleet-agent|';
    const analyze = [
      'command -v systemd-analyze > /dev/null || exit 0',
      `sed '${values}' /opt/nanofleet/current/${UNIT} > ${place}`,
      `systemd-analyze verify --man=no ${place} 2>&1 | grep nanofleet-agent`,
      `systemd-analyze security --offline=true --no-pager ${place} | grep Overall`,
      // systemd-analyze keeps a mark of when it has looked for units.
      `rm -f ${place} /run/systemd/systemd-units-load`,
    ].join('\n');
    const { out } = await this.#device.run(analyze);
    return out.split('\n').filter((line) => line !== '');
  }

  async uninstall(): Promise<void> {
    await this.#must('uninstall', `${COMMAND} uninstall`);
  }

  /** Names of programs that run on after a while, but the ones that ask; the dead whom nobody asks for do not count. */
  async running(): Promise<string[]> {
    let names: string[] = [];
    const look = async (): Promise<void> => {
      const { out } = await this.#device.run('cat /proc/[0-9]*/stat');
      const found = [...out.matchAll(/\((.+)\) ([A-Z]) /g)].filter(([, , state]) => state !== 'Z');
      names = found.map(([, name = '']) => name).filter((name) => !['cat', 'sh'].includes(name));
      if (names.length > 0) throw new NanofleetError('INTERNAL', `${names.join()} still run`);
    };
    await eventually(look, { withinMs: ENDS_WITHIN_MS, everyMs: 250 }).catch(() => undefined);
    return names;
  }

  async #must(step: string, line: string): Promise<Said> {
    const said = await this.#device.run(line);
    if (said.code === 0) return said;
    throw failure(step, said);
  }
}

const failure = (step: string, { code, out, err }: Said): NanofleetError =>
  new NanofleetError('INTERNAL', `${step} ended with ${code} on the device: ${out}${err}`);
