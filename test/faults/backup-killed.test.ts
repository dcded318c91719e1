// Backups and restores by the real program, killed with SIGKILL at what can be seen of their steps: there is a whole backup or
// none, and a fleet of before or of the backup, never anything between.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TEST_CACHE } from '@nanofleet/controller/testing';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, expect, it, vi } from 'vitest';
import { CLONE, scratchDirectory } from './parts/clone.ts';
import { type ControllerProcess, startControllerProcess } from './parts/controller-process.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const PATIENT = { everyMs: 1, withinMs: 100_000 };

const scratch = scratchDirectory();
const publisher = generateSigningKey();
const directory = join(scratch, 'controller');
const passphrase = join(scratch, 'passphrase');
const backup = join(scratch, 'fleet.backup');
const environment = { ...process.env, NANOFLEET_CACHE: TEST_CACHE, DATABASE_URL: '' };
let controller: ControllerProcess;

const operate = (...args: string[]): ChildProcess =>
  spawn(process.execPath, [CLONE.controller, ...args, '--passphrase-file', passphrase], {
    env: environment,
    stdio: 'ignore',
  });

/** Runs a task to its end; its exit code. */
const finish = async (...args: string[]): Promise<unknown> => (await once(operate(...args), 'exit'))[0];

const create = ['backup', 'create', backup, '--dir', directory];
const restore = (into: string) => [
  'backup',
  'restore',
  backup,
  '--dir',
  into,
  '--revoked',
  'none',
  '--replace',
];

/** Names of operators' tokens in a state directory, as a controller on it tells them. */
const tokensIn = async (state: string): Promise<string[]> => {
  const running = await startControllerProcess({ directory: state, publisher });
  const { items } = await running.call('operatorTokens');
  await running.kill();
  return items.map(({ name }) => name).toSorted();
};

beforeAll(async () => {
  writeFileSync(passphrase, 'correct horse battery\n', { mode: 0o600 });
  controller = await startControllerProcess({ directory, publisher });
  await controller.call('makeOperatorToken', { body: { name: 'before', role: 'viewer' } });
});

it('leaves no backup when its controller is killed while it writes, and none of it is in the way later', async () => {
  const asked = operate(...create);
  const ended = once(asked, 'exit');
  const isWriting = () => readdirSync(scratch).some((name) => name.endsWith('.part')) || existsSync(backup);
  await eventually(() => expect(isWriting()).toBe(true), PATIENT);
  await controller.kill();
  await ended;
  // Under its name there is a whole one, if it was quicker than the kill.
  const verified = existsSync(backup) ? await finish('backup', 'verify', backup) : 0;
  await controller.restart();
  const made = existsSync(backup) ? 0 : await finish(...create);
  expect([verified, made]).toEqual([0, 0]);
  expect(await finish('backup', 'verify', backup)).toBe(0);
  expect(readdirSync(scratch).filter((name) => name.endsWith('.part'))).toEqual([]);
});

it.each([
  ['has begun', (at: string) => existsSync(join(at, 'restoring'))],
  ['fills its database', (at: string) => existsSync(join(at, 'restoring', 'db', 'PG_VERSION'))],
  ['has keys', (at: string) => existsSync(join(at, 'restoring', 'controller.key.pem'))],
  ['is whole', (at: string) => existsSync(join(at, 'restored')) || existsSync(join(at, 'arriving'))],
  ['takes its place', (at: string) => readdirSync(at).some((name) => name.startsWith('replaced-'))],
])('restores all or nothing when it is killed as it %s', async (title, isThere) => {
  await controller.call('makeOperatorToken', { body: { name: `after ${title}`, role: 'viewer' } });
  const after = (await controller.call('operatorTokens')).items.map(({ name }) => name).toSorted();
  await controller.kill();
  const state = join(scratch, title.replaceAll(' ', '-'));
  // A socket cannot be copied.
  cpSync(directory, state, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  const running = operate(...restore(state));
  const ended = once(running, 'exit');
  // It may be quicker than this looks: then it has restored all.
  await eventually(() => expect(isThere(state) || running.exitCode !== null).toBe(true), PATIENT);
  running.kill('SIGKILL');
  await ended;
  const found = await tokensIn(state);
  expect([after, ['admin', 'before']]).toContainEqual(found);
  expect(readdirSync(state).filter((name) => ['restored', 'arriving'].includes(name))).toEqual([]);
  await controller.restart();
});
