// Behaviour of running the CLI: profile and --json are added, its document comes back, its errors keep their code.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandLine } from './command-line.ts';
import { testWorld } from './test-world.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nf-cli-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function commandLine(source: string): Promise<CommandLine> {
  const file = join(directory, 'cli.mjs');
  await writeFile(file, source);
  return new CommandLine(testWorld().world, { file, profile: '/profile' });
}

describe('a command line', () => {
  it('adds the profile and asks for JSON', async () => {
    const commands = await commandLine('console.log(JSON.stringify(process.argv.slice(2)))');
    expect(await commands.run('keys', 'ls')).toEqual(['keys', 'ls', '--profile', '/profile', '--json']);
  });

  it('passes on the error that the command reports, with what was tried', async () => {
    const error = JSON.stringify({ error: { code: 'DIGEST_MISMATCH', message: 'graph.onnx was changed' } });
    const commands = await commandLine(`console.error(${JSON.stringify(error)}); process.exitCode = 1;`);
    const run = commands.run('models', 'sign', 'dir');
    await expect(run).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await expect(run).rejects.toThrow(/models sign .*graph\.onnx was changed/);
  });

  it('runs a command again when the controller was away', async () => {
    const error = JSON.stringify({ error: { code: 'CONTROLLER_UNREACHABLE', message: 'no answer' } });
    const seen = JSON.stringify(join(directory, 'seen'));
    const commands = await commandLine(`import { existsSync, writeFileSync } from 'node:fs';
      if (existsSync(${seen})) console.log('[1]');
      else { writeFileSync(${seen}, ''); console.error(${JSON.stringify(error)}); process.exitCode = 1; }`);
    expect(await commands.run('models', 'ls')).toEqual([1]);
  });

  it('reports a command that ends without a word', async () => {
    const commands = await commandLine('process.exitCode = 3;');
    await expect(commands.run('models', 'ls')).rejects.toThrow('exit code 3');
  });
});
