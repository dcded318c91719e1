#!/usr/bin/env node
// The command `nanofleet`: gives the program its real surroundings (terminal, environment, clock). Nothing else is here.
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

const world: World = {
  env: process.env,
  home: homedir(),
  stdout: sinkOf(process.stdout),
  stderr: sinkOf(process.stderr),
  now: () => Date.now(),
  sleep: (milliseconds) => sleep(milliseconds),
  deadline: (milliseconds) => AbortSignal.timeout(milliseconds),
};

// A reader that went away (`| head`) ends the command quietly.
process.stdout.on('error', () => process.exit(0));
process.exit(await runProgram(world, process.argv.slice(2)));
