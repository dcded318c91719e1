// The file of a socket is seen and removed; and the ways to look that the code keeps to leave alone how Node finds modules: a process of
// its own imports through a symbolic link afterwards, as package managers lay packages out.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { removeSocket, statOfSocket } from './socket-file.ts';

let directory = '';
let server: Server;
const at = (...names: string[]) => join(directory, ...names);

beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'nf-socket-')));
  await mkdir(at('real'));
  await writeFile(at('real', 'where.mjs'), 'export const where = import.meta.url;');
  await symlink('real', at('linked'));
});
beforeEach(async () => {
  server = createServer().listen(at('socket'));
  await once(server, 'listening');
});
afterEach(() => server.close());
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Where a process says that a module behind a symbolic link lies, after it has looked at the socket. */
const importsAfter = async (look: string): Promise<string> => {
  const lines = [
    "import * as fs from 'node:fs';",
    `const path = ${JSON.stringify(at('socket'))};`,
    "await import('./real/where.mjs');",
    `${look};`,
    "console.log((await import('./linked/where.mjs')).where);",
  ];
  await writeFile(at('main.mjs'), lines.join('\n'));
  const { stdout } = await promisify(execFile)(process.execPath, [at('main.mjs')]);
  return stdout.trim();
};

describe('the file of a socket', () => {
  it.each([
    'await fs.promises.lstat(path)',
    'await fs.promises.unlink(path)',
    'fs.lstatSync(path, { bigint: true })',
  ])('leaves imports alone after %s', async (look) => {
    expect(await importsAfter(look)).toBe(pathToFileURL(at('real', 'where.mjs')).href);
  });

  it('is seen, removed, and missing then', async () => {
    expect((await statOfSocket(at('socket')))?.isSocket()).toBe(true);
    await removeSocket(at('socket'));
    expect(await statOfSocket(at('socket'))).toBeNull();
    await removeSocket(at('socket'));
  });
});
