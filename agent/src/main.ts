#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=1 --single-threaded
/** The command `nanofleet-agent`: gives the program its real surroundings. Nothing else is here. */
import './ports/heap.ts';
import process from 'node:process';
import { type ProgramTerminal, runProgram } from './program.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

const ended = ({ withStdin }: { withStdin: boolean }): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve());
    // The loader is gone: whoever starts it again starts an agent, too.
    process.on('disconnect', () => resolve());
    if (!withStdin) return;
    process.stdin.on('end', () => resolve());
    process.stdin.on('close', () => resolve());
    process.stdin.on('error', () => resolve());
    process.stdin.resume();
  });

const terminal: ProgramTerminal = {
  line: (text) => void process.stdout.write(`${text}\n`),
  write: (text) => void process.stdout.write(text),
  failure: (text) => void process.stderr.write(`${text}\n`),
  input: () => process.stdin,
  ended,
};

// The socket and every file are for the owner and the group at most.
process.umask(0o007);
// A reader that went away does not end a daemon.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

process.exit(await runProgram(process.argv.slice(2), terminal));
