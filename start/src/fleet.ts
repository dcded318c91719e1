/**
 * The running fleet of a start as the story sees it: the controller's API, five agents, the link that can be cut, the
 * operator's command line. Owns these handles and ends them; setup.ts makes them.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { assert } from '@nanofleet/protocol';
import type { AgentClient } from './agent-client.ts';
import type { CommandLine } from './command-line.ts';
import type { Layout } from './layout.ts';
import type { LinkProxy } from './link-proxy.ts';
import type { OperatorClient } from './operator-client.ts';
import type { Child, Ready, Watch } from './processes.ts';

/** Homes and pumps of the fleet, with the group that each belongs to. */
export const DEVICES = [
  { device: 'home-1', group: 'homes', home: 1 },
  { device: 'home-2', group: 'homes', home: 2 },
  { device: 'home-3', group: 'homes', home: 3 },
  { device: 'home-4', group: 'homes', home: 4 },
  { device: 'pump-1', group: 'pumps', home: 0 },
] as const;

/** Name of one of the five. */
export type DeviceName = (typeof DEVICES)[number]['device'];

/** Agents end first, so that they can still say goodbye; both together stay below the 5 s that Ctrl-C is promised. */
const AGENTS_WITHIN_MS = 2_400;
const CONTROLLER_WITHIN_MS = 2_200;

/** The started processes and the ways to talk to them. */
export class Fleet {
  readonly layout: Layout;
  /** Where devices reach the broker. */
  readonly link: LinkProxy;
  /** Where devices enrol and fetch models, and where operators log in. */
  readonly web: LinkProxy;
  readonly commands: CommandLine;
  /** What the controller is told of the provider that it may ask. */
  readonly providerFile: string;
  readonly #onDeath: (name: string, how: string) => void;
  readonly #children: Child[] = [];
  #controller: Child | null = null;
  readonly #agents = new Map<string, AgentClient>();
  #operator: OperatorClient | null = null;
  #isEnding = false;

  constructor(parts: {
    layout: Layout;
    link: LinkProxy;
    web: LinkProxy;
    commands: CommandLine;
    providerFile: string;
    /** A child died, not by order, and is started again. */
    onDeath: (name: string, how: string) => void;
  }) {
    this.layout = parts.layout;
    this.link = parts.link;
    this.web = parts.web;
    this.commands = parts.commands;
    this.providerFile = parts.providerFile;
    this.#onDeath = parts.onDeath;
  }

  get isEnding(): boolean {
    return this.#isEnding;
  }

  get operator(): OperatorClient {
    assert(this.#operator !== null, 'the controller has been started');
    return this.#operator;
  }

  set operator(operator: OperatorClient) {
    this.#operator = operator;
  }

  /** What the fleet wants to know of a child; `onReady` gets what it said. */
  watch(onReady: (ready: Ready) => void): Watch {
    return {
      onReady: (ready) => {
        onReady(ready);
        this.notePids();
      },
      onDeath: ({ name }, how) => this.#onDeath(name, how),
    };
  }

  addChild(child: Child): void {
    this.#children.push(child);
  }

  addController(child: Child): void {
    this.#controller = child;
    this.addChild(child);
  }

  addAgent(device: DeviceName, client: AgentClient): void {
    this.#agents.set(device, client);
  }

  /** The local API of a device. */
  agent(device: DeviceName): AgentClient {
    const found = this.#agents.get(device);
    assert(found !== undefined, `${device} has been started`);
    return found;
  }

  /** Devices that have been started so far. */
  get devices(): DeviceName[] {
    return DEVICES.map(({ device }) => device).filter((device) => this.#agents.has(device));
  }

  /** How often a process died and was started again, by name. */
  get restarts(): Record<string, number> {
    return Object.fromEntries(this.#children.map((child) => [child.name, child.restarts]));
  }

  /** Writes which process is what, for whoever has to look after them. */
  notePids(): void {
    if (this.#isEnding) return;
    const pids = Object.fromEntries(this.#children.map((child) => [child.name, child.pid]));
    writeFileSync(this.layout.processes, `${JSON.stringify({ starter: process.pid, ...pids })}\n`);
  }

  /** Ends every process and closes every connection. */
  async end(): Promise<void> {
    this.#isEnding = true;
    for (const client of this.#agents.values()) client.close();
    const agents = this.#children.filter((child) => child !== this.#controller);
    await Promise.all(agents.map((child) => child.stop(AGENTS_WITHIN_MS)));
    await this.#controller?.stop(CONTROLLER_WITHIN_MS);
    await Promise.all([this.link.close(), this.web.close()]);
    rmSync(this.layout.processes, { force: true });
  }
}
