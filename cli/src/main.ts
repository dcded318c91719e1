#!/usr/bin/env node
// The command `nanofleet`: gives the program its real surroundings (terminal, environment, clock). Nothing else is here.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from './program.ts';
import type { Sink, World } from './world.ts';

const COLUMNS_WITHOUT_TERMINAL = 80;

const sinkOf = (stream: NodeJS.WriteStream): Sink => ({
  write: (text) => void stream.write(text),
  isTTY: stream.isTTY,
  columns: stream.isTTY ? stream.columns : COLUMNS_WITHOUT_TERMINAL,
});

const run = (file: string, args: readonly string[]): Promise<number | null> => {
  if (!existsSync(file)) return Promise.resolve(null);
  const child = spawn(process.execPath, [file, ...args], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
};

const world: World = {
  env: process.env,
  home: homedir(),
  stdout: sinkOf(process.stdout),
  stderr: sinkOf(process.stderr),
  now: () => Date.now(),
  run,
  sleep: (milliseconds) => sleep(milliseconds),
  deadline: (milliseconds) => AbortSignal.timeout(milliseconds),
};

// A reader that went away (`| head`) ends the command quietly.
process.stdout.on('error', () => process.exit(0));
process.exit(await runProgram(world, process.argv.slice(2)));
