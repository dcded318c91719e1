import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, hasMosquitto } from '@nanofleet/controller/testing';
import { encodeManifest, lineIdSchema, MANIFEST_FILE, parseId, SIGNATURE_FILE } from '@nanofleet/protocol';
import { generateSigningKey, signManifest } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { atEnd } from '../endings.ts';
import { runAgentCommand, startAgentHere } from '../faults/parts/agents.ts';
import { signedBundle } from '../faults/parts/bundles.ts';
import { CLONE, scratchDirectory } from '../faults/parts/clone.ts';
import { install, makeHome } from './home.ts';
import { type Recipe, readRecipe } from './recipe.ts';

const PAGES = fileURLToPath(new URL('../../docs/recipes', import.meta.url));
const program = (name: string): string =>
  fileURLToPath(new URL(`../dist/recipes/${name}/main.js`, import.meta.url));
/** Ports as the pages call them. */
const PORTS = ['1883', '8099', '10400'];
/** A page starts several programs one after the other. */
const STEPS_MS = 180_000;
const PLACE = '/srv/home';
const CLIENT = fileURLToPath(new URL('../../clients/python/nanofleet.py', import.meta.url));
const scratch = scratchDirectory();
const home = join(scratch, 'home');
const bin = join(scratch, 'bin');
const pages = readdirSync(PAGES).filter((name) => name !== 'README.md');
const recipes = new Map(pages.map((name) => [name, readRecipe(join(PAGES, name))]));
const withinAgent = [...recipes].filter(([, { run }]) => run === null);
const publisher = generateSigningKey();
const ports = new Map<string, number>();

const shell = promisify(execFile);
const environment = () => ({ ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` });
const here = (text: string): string => {
  const placed = text.replaceAll(PLACE, home);
  return [...ports].reduce((told, [port, real]) => told.replaceAll(port, String(real)), placed);
};
const homeOf = (directory: string, following: readonly Recipe[]): void =>
  makeHome(directory, following, { publisher: publisher.fingerprint, here });

/** Starts a command of a page that goes on; it ends with the tests. */
const startInShell = (command: string, directory: string): ChildProcess => {
  const started = spawn('sh', ['-ec', here(command)], { cwd: directory, env: environment(), detached: true });
  atEnd(async () => {
    if (started.exitCode !== null) return;
    process.kill(-(started.pid ?? process.pid), 'SIGKILL');
    await once(started, 'exit');
  });
  return started;
};

/** What a listener of a page has heard, once it listens. */
const listen = async (command: string): Promise<() => string> => {
  const listening = startInShell(command, home);
  let [heard, said] = ['', ''];
  listening.stdout?.on('data', (piece: Buffer) => {
    heard += piece.toString();
  });
  listening.stderr?.on('data', (piece: Buffer) => {
    said += piece.toString();
  });
  // What reads a file shows also what was there before.
  const isReady = (): boolean => said.includes('listening') || command.includes('tail -n +1');
  await eventually(() => Promise.resolve(expect(isReady() ? 'ready' : said).toBe('ready')));
  return () => heard;
};

/** Lines of a page that `status` does not show. */
const missingIn = async (directory: string, { shown }: Recipe): Promise<string[]> => {
  const { out } = await runAgentCommand('status', '--dir', directory);
  return shown.filter((line) => !line.test(out)).map((line) => `${line.source} in:\n${out}`);
};

const startBroker = async (): Promise<void> => {
  const broker = spawn('mosquitto', ['-p', String(ports.get('1883'))], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  atEnd(() => {
    broker.kill();
    return once(broker, 'exit');
  });
  await eventually(async () => {
    const { out } = await runAgentCommand('doctor', '--dir', home);
    expect(out).toMatch(/^ok +source kitchen-button /m);
    expect(out).not.toMatch(/^WRONG +source/m);
  });
};

beforeAll(async () => {
  install(bin, 'nanofleet-agent', CLONE.agent);
  for (const name of ['pub', 'sub']) install(bin, `mosquitto_${name}`, program(`mosquitto-${name}`));
  const bundle = (name: string): string => join(scratch, 'bundles', name);
  for (const from of ['household-2', 'vibration-1']) signedBundle({ from, to: bundle(from), key: publisher });
  for (const line of ['press', 'washing-machine']) {
    const { manifest } = signedBundle({ from: 'vibration-1', to: bundle(line), key: publisher });
    const named = encodeManifest({ ...manifest, line: parseId(lineIdSchema, line) });
    writeFileSync(join(bundle(line), MANIFEST_FILE), named);
    writeFileSync(join(bundle(line), SIGNATURE_FILE), signManifest(publisher, named));
  }
  for (const port of PORTS) ports.set(port, await freePort());
});

describe.runIf(hasMosquitto())('a recipe for an agent that runs', () => {
  beforeAll(async () => {
    homeOf(
      home,
      withinAgent.map(([, recipe]) => recipe),
    );
    copyFileSync(CLIENT, join(home, basename(CLIENT)));
    await startBroker();
    await startAgentHere(home);
    const ready = /^ {2}kitchen-button mqtt, open[^]*^ {2}sink hall +mqtt, open/m;
    await eventually(async () => expect((await runAgentCommand('status', '--dir', home)).out).toMatch(ready));
  });

  it.each(withinAgent)(
    '%s does what it says',
    async (_name, recipe) => {
      const heard = recipe.listener === null ? () => '' : await listen(recipe.listener);
      const commands = here(recipe.commands ?? '');
      const { stdout } = await shell('sh', ['-ec', commands], { cwd: home, env: environment() });
      for (const line of recipe.printed) expect(stdout).toMatch(line);
      await eventually(async () => {
        for (const line of recipe.heard) expect(heard()).toMatch(line);
        expect(await missingIn(home, recipe)).toEqual([]);
      });
    },
    STEPS_MS,
  );
});

it('stdin.md does what it says', async () => {
  const directory = join(scratch, 'pipe');
  const recipe = recipes.get('stdin.md');
  if (recipe === undefined || recipe.run === null) throw new TypeError('stdin.md has no command that runs');
  homeOf(directory, [recipe]);
  startInShell(recipe.run, directory);
  await eventually(async () => expect(await missingIn(directory, recipe)).toEqual([]));
});
