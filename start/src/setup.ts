/**
 * From a state directory to a running fleet: publisher's key and signed bundles (by the CLI's process), controller,
 * enrolment, agents. What exists is kept. Order follows one aim: the first decision comes as early as it can.
 */
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NanofleetError, SIGNATURE_FILE } from '@nanofleet/protocol';
import { z } from 'zod';
import { type AgentAddress, AgentClient } from './agent-client.ts';
import { AGENT_LAUNCH } from './agent-launch.ts';
import { DEVICES, type DeviceName, type Fleet } from './fleet.ts';
import { CLONE } from './layout.ts';
import { OperatorClient } from './operator-client.ts';
import { Child, READY_WITHIN_MS, type Ready, runToEnd } from './processes.ts';
import { prepareBundle } from './story/release.ts';
import type { World } from './world.ts';

const FLEET = 'home';
const TOKEN_VALID_FOR = '1h';
/** How long calls wait for a process that is being started again: as long as it may take. */
const PATIENCE_MS = READY_WITHIN_MS;
/** Enough to see a bad model, and a story goes on. */
const PROBATION_MS = '4000';
/** What every device runs from its first moment. */
const SHIPPED = ['household-1', 'vibration-1'] as const;
/** What goes through the registry at the first start, the bigger model first: questions come early. */
const PUSHED = [
  { line: 'mini', name: 'household-mini', to: ['--to', 'controller'] },
  { line: 'intent', name: 'household-1', to: ['--all'] },
  { line: 'vibration', name: 'vibration-1', to: ['--all'] },
] as const;

const madeTokenSchema = z.looseObject({ token: z.string() });
const controllerReadySchema = z.looseObject({ http: z.int(), mqtt: z.int() });

/** Where controller and link listen. */
export interface Ports {
  readonly http: number;
  readonly mqtt: number;
}

/** Makes the publisher's key with the CLI when there is none, and hands the public half to the controller's directory. */
export async function preparePublisher({ layout, commands }: Fleet): Promise<void> {
  await mkdir(layout.publisher, { recursive: true, mode: 0o700 });
  await mkdir(layout.controller, { recursive: true, mode: 0o700 });
  if (!existsSync(layout.publisherKey)) await commands.run('keys', 'new');
  await copyFile(join(layout.publisher, 'publisher.pub'), layout.publicKey);
}

/**
 * Signs copies of the committed bundles, all by one process, and puts those for devices where an installer would. The
 * signature comes last, so that a torn copy is made again.
 */
export async function prepareBundles(fleet: Fleet): Promise<void> {
  const { layout, commands } = fleet;
  const unsigned = PUSHED.filter(({ name }) => !existsSync(join(layout.bundle(name), SIGNATURE_FILE)));
  const copies = unsigned.map(({ name }) => ({ from: join(CLONE.bundles, name), to: layout.bundle(name) }));
  await Promise.all(copies.map(prepareBundle));
  if (copies.length > 0) await commands.run('models', 'sign', ...copies.map(({ to }) => to));
  for (const name of SHIPPED) await installCopy(fleet, name);
}

async function installCopy({ layout }: Fleet, name: string): Promise<void> {
  const to = join(layout.shipped, name);
  if (existsSync(to)) return;
  const part = join(layout.directory, `${name}.part`);
  await rm(part, { recursive: true, force: true });
  await cp(layout.bundle(name), part, { recursive: true });
  await mkdir(layout.shipped, { recursive: true });
  await rename(part, to);
}

/** Starts the controller and waits until it answers. */
export async function startController(world: World, fleet: Fleet): Promise<void> {
  const { layout, link, web } = fleet;
  requireLocalBroker(world.environment['MQTT_URL'] ?? '');
  const args = ['--dir', layout.controller, '--fleet', FLEET, '--http', '0', '--mqtt', '0'];
  args.push('--publisher-key', layout.publicKey, '--admin-token-file', layout.adminToken);
  args.push('--provider', fleet.providerFile);
  args.push(
    '--advertise-mqtt',
    `mqtt://127.0.0.1:${link.port}`,
    '--advertise-http',
    urlOf(web.port),
    '--exit-with-stdin',
    '--json',
  );
  const program = { name: 'controller', file: CLONE.controller, args, log: layout.log('controller') };
  let port = 0;
  const watch = fleet.watch((ready) => {
    const { http, mqtt } = controllerReadySchema.parse(ready);
    link.aimAt(mqtt);
    web.aimAt(http);
    port = http;
  });
  const child = new Child(world, program, watch);
  fleet.addController(child);
  await child.start();
  const token = (await readFile(layout.adminToken, 'utf8')).trim();
  // Straight to the controller: what the story looks at must not depend on the link that it cuts.
  fleet.operator = new OperatorClient(world, { url: () => urlOf(port), token, patienceMs: PATIENCE_MS });
}

/** The link, which the story cuts, leads to a port of this machine. */
function requireLocalBroker(url: string): void {
  if (url === '' || /^mqtt:\/\/(127\.0\.0\.1|localhost)(:\d+)?\/*$/.test(url)) return;
  throw new NanofleetError(
    'SETTING_INVALID',
    'start cuts the link to the broker, so MQTT_URL must be mqtt://127.0.0.1 with its port.',
  );
}

const urlOf = (port: number): string => `http://127.0.0.1:${port}`;

/** A fleet token of each group, for its devices. */
export async function makeFleetTokens({ commands }: Fleet): Promise<Map<string, string>> {
  const groups = [...new Set(DEVICES.map(({ group }) => group))];
  const entries = await Promise.all(
    groups.map(async (group) => {
      const uses = String(DEVICES.filter((entry) => entry.group === group).length);
      const words = ['fleet-tokens', 'new', group, '--group', group, '--uses', uses];
      const made = await commands.run(...words, '--valid-for', TOKEN_VALID_FOR);
      return [group, madeTokenSchema.parse(made).token] as const;
    }),
  );
  return new Map(entries);
}

/** What a device learned at enrolment; it has to enrol again when the links have moved. */
const addressesOf = ({ link, web }: Fleet): string => `${urlOf(web.port)} mqtt://127.0.0.1:${link.port}\n`;

/** Whether a device has been enrolled, with the addresses of today. */
export function isEnrolled(fleet: Fleet, device: DeviceName): boolean {
  const { layout } = fleet;
  if (!existsSync(join(layout.agent(device), 'identity.json'))) return false;
  const note = layout.enrolled(device);
  return existsSync(note) && readFileSync(note, 'utf8') === addressesOf(fleet);
}

/** Runs `nanofleet-agent enrol` for one device. */
export async function enrol(world: World, fleet: Fleet, device: DeviceName, token: string): Promise<void> {
  const { layout } = fleet;
  const args = ['enrol', '--dir', layout.agent(device), '--name', device, '--token', token, '--json'];
  const { code, err } = await runToEnd(world, { name: `enrol ${device}`, file: CLONE.agent, args });
  if (code === 0) return writeFile(layout.enrolled(device), addressesOf(fleet));
  const problem = `${device} could not enrol: ${err.trim().split('\n').at(-1)?.slice(0, 400) ?? ''}`;
  throw new NanofleetError('DEVICE_NOT_ENROLLED', problem);
}

/** Starts one agent and waits until it answers on its socket. */
export async function startAgent(world: World, fleet: Fleet, device: DeviceName): Promise<void> {
  const { layout } = fleet;
  const socket = layout.socket(device);
  const args = [
    'run',
    '--dir',
    layout.agent(device),
    '--bundles',
    layout.shipped,
    '--exit-with-stdin',
    '--json',
  ];
  args.push(
    '--beat-ms',
    '2000',
    '--probation-ms',
    PROBATION_MS,
    ...(socket === null ? ['--http', '0'] : ['--socket', socket]),
  );
  const where: { address: AgentAddress | null } = {
    address: socket === null ? null : { socketPath: socket },
  };
  const program = { name: device, file: CLONE.agent, args, log: layout.log(device), launch: AGENT_LAUNCH };
  const watch = fleet.watch((ready) => {
    if (socket === null) where.address = addressOf(ready, join(layout.agent(device), 'http-token'));
  });
  const child = new Child(world, program, watch);
  fleet.addChild(child);
  await child.start();
  const address = () => where.address ?? { port: 0, tokenFile: '' };
  fleet.addAgent(device, new AgentClient(world, { address, patienceMs: PATIENCE_MS }));
}

const addressOf = (ready: Ready, tokenFile: string): AgentAddress => ({
  port: z.looseObject({ http: z.int() }).parse(ready).http,
  tokenFile,
});

/**
 * Logs the CLI in and begins release metadata where there is none. The login is renewed at each start: the controller's port may
 * have moved, and another fleet may answer on the old one.
 */
export async function beginMetadata({ layout, commands, operator, web }: Fleet): Promise<void> {
  await commands.run('login', urlOf(web.port), '--token-file', layout.adminToken);
  const { roles } = await operator.call('trust');
  if (roles.length === 0) await commands.run('trust', 'init');
}

/** Makes the signed bundles the desired ones; a line that has a rollout already keeps it. */
export async function pushBundles({ layout, commands, operator }: Fleet): Promise<void> {
  const { items } = await operator.call('rollouts');
  const missing = PUSHED.filter(({ line }) => !items.some((rollout) => rollout.line === line));
  for (const { name, to } of missing) {
    await commands.run('models', 'push', layout.bundle(name), ...to);
  }
}

const settingsSchema = z.object({ http: z.int().min(1), mqtt: z.int().min(1) });

/**
 * The ports of the start before, which enrolled devices remember; null at the first start.
 * @throws NanofleetError STATE_CORRUPT
 */
export async function readPorts(path: string): Promise<Ports | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return settingsSchema.parse(JSON.parse(text));
  } catch (cause) {
    const problem = `${path} cannot be read. Give --dir another directory, or remove this one to begin anew.`;
    throw new NanofleetError('STATE_CORRUPT', problem, { cause });
  }
}

/** Remembers the ports for the next start. */
export const writePorts = (path: string, ports: Ports): Promise<void> =>
  writeFile(path, `${JSON.stringify(ports)}\n`);
