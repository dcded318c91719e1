import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, hasMosquitto } from '@nanofleet/controller/testing';
import { encodeManifest, lineIdSchema, MANIFEST_FILE, parseId, SIGNATURE_FILE } from '@nanofleet/protocol';
import { generateSigningKey, signManifest } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { atEnd } from '../endings.ts';
import { runAgentCommand, startAgentHere, writeLoneIdentity } from '../faults/parts/agents.ts';
import { signedBundle } from '../faults/parts/bundles.ts';
import { CLONE, scratchDirectory } from '../faults/parts/clone.ts';
import { type Recipe, readRecipe } from './recipe.ts';

const PAGES = fileURLToPath(new URL('../../docs/recipes', import.meta.url));
const PUBLISH = fileURLToPath(new URL('../dist/recipes/mosquitto-pub/main.js', import.meta.url));
const HEAD = 'version: 1\nsources:\n';
const scratch = scratchDirectory();
const home = join(scratch, 'home');
const pages = readdirSync(PAGES).filter((name) => name !== 'README.md');
const recipes = new Map(pages.map((name) => [name, readRecipe(join(PAGES, name))]));
const withinAgent = [...recipes].filter(([, { run }]) => run === null);
const publisher = generateSigningKey();
let port = 0;

const shell = promisify(execFile);
const environment = () => ({ ...process.env, PATH: `${join(scratch, 'bin')}:${process.env['PATH'] ?? ''}` });
const here = (text: string): string => text.replaceAll('1883', String(port));

const install = (name: string, program: string): void => {
  const path = join(scratch, 'bin', name);
  writeFileSync(path, `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`);
  chmodSync(path, 0o755);
};

/** A device with a text line and a sensor line, its settings and files. */
const makeHome = (directory: string, following: readonly Recipe[]): void => {
  writeLoneIdentity(directory, { publisher: publisher.fingerprint });
  expect(following.every(({ config }) => config.startsWith(HEAD))).toBe(true);
  const sources = following.map(({ config }) => here(config.slice(HEAD.length)));
  writeFileSync(
    join(directory, 'agent.yaml'),
    `version: 1\nbundles: ../bundles\nsources:\n${sources.join('')}`,
  );
  for (const { files } of following)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
};

/** Lines of a page that `status` does not show. */
const missingIn = async (directory: string, { shown }: Recipe): Promise<string[]> => {
  const { out } = await runAgentCommand('status', '--dir', directory);
  return shown.filter((line) => !line.test(out)).map((line) => `${line.source} in:\n${out}`);
};

const startBroker = async (): Promise<void> => {
  const broker = spawn('mosquitto', ['-p', String(port)], { stdio: ['ignore', 'ignore', 'pipe'] });
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
  mkdirSync(join(scratch, 'bin'));
  install('nanofleet-agent', CLONE.agent);
  install('mosquitto_pub', PUBLISH);
  const bundle = (name: string): string => join(scratch, 'bundles', name);
  for (const from of ['household-2', 'vibration-1']) signedBundle({ from, to: bundle(from), key: publisher });
  for (const line of ['press', 'washing-machine']) {
    const { manifest } = signedBundle({ from: 'vibration-1', to: bundle(line), key: publisher });
    const named = encodeManifest({ ...manifest, line: parseId(lineIdSchema, line) });
    writeFileSync(join(bundle(line), MANIFEST_FILE), named);
    writeFileSync(join(bundle(line), SIGNATURE_FILE), signManifest(publisher, named));
  }
  port = await freePort();
});

describe.runIf(hasMosquitto())('a recipe for an agent that runs', () => {
  beforeAll(async () => {
    makeHome(
      home,
      withinAgent.map(([, recipe]) => recipe),
    );
    await startBroker();
    await startAgentHere(home);
    const ready = /^ {2}kitchen-button mqtt, open/m;
    await eventually(async () => expect((await runAgentCommand('status', '--dir', home)).out).toMatch(ready));
  });

  it.each(withinAgent)('%s does what it says', async (_name, recipe) => {
    if (recipe.commands !== null)
      await shell('sh', ['-ec', here(recipe.commands)], { cwd: home, env: environment() });
    await eventually(async () => expect(await missingIn(home, recipe)).toEqual([]));
  });
});

it('stdin.md does what it says', async () => {
  const directory = join(scratch, 'pipe');
  const recipe = recipes.get('stdin.md');
  if (recipe === undefined || recipe.run === null) throw new TypeError('stdin.md has no command that runs');
  makeHome(directory, [recipe]);
  const piped = spawn('sh', ['-ec', recipe.run], {
    cwd: directory,
    env: environment(),
    stdio: 'ignore',
    detached: true,
  });
  atEnd(() => {
    process.kill(-(piped.pid ?? process.pid), 'SIGKILL');
  });
  await eventually(async () => expect(await missingIn(directory, recipe)).toEqual([]));
});
