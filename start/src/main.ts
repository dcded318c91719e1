#!/usr/bin/env node
// The program behind the command `start`: gives one start its real surroundings (streams, clock, signals). Nothing else.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { NanofleetError } from '@nanofleet/protocol';
import { HELP, type Options, readOptions } from './options.ts';
import { Start } from './start.ts';
import type { Sink, World } from './world.ts';

const COLUMNS_WITHOUT_TERMINAL = 100;
/** When the user's command began, milliseconds since 1970, as the launcher found it. */
const BEGAN = Number(process.env['NANOFLEET_BEGAN_MS'] ?? performance.timeOrigin);

const sinkOf = (stream: NodeJS.WriteStream): Sink => ({
  write: (text) => void stream.write(text),
  get isTTY() {
    return stream.isTTY;
  },
  get columns() {
    return stream.isTTY ? stream.columns : COLUMNS_WITHOUT_TERMINAL;
  },
});

const world: World = {
  stdout: sinkOf(process.stdout),
  stderr: sinkOf(process.stderr),
  colours: (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb',
  now: () => Date.now(),
  ticks: () => performance.now(),
  sleep: (milliseconds) => sleep(milliseconds),
  deadline: (milliseconds) => AbortSignal.timeout(milliseconds),
  every: (milliseconds, call) => {
    const timer = setInterval(call, milliseconds);
    return () => clearInterval(timer);
  },
  environment: process.env,
};

function optionsOrExit(): Options {
  try {
    return readOptions(process.argv.slice(2), process.cwd());
  } catch (thrown) {
    if (!(thrown instanceof NanofleetError)) throw thrown;
    process.stderr.write(`${thrown.code}: ${thrown.message}\n`);
    process.exit(2);
  }
}

const options = optionsOrExit();
if (options.help) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}
// A reader that went away must not end the fleet in disorder.
process.stdout.on('error', () => undefined);
const start = new Start(world, options, BEGAN);
let signals = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    signals += 1;
    if (signals > 1) process.exit(130);
    world.stderr.write('\n');
    void start.end().then(() => process.exit(signal === 'SIGINT' ? 0 : 143));
  });
}
const code = await start.run();
process.stdout.write('', () => process.exit(code));
