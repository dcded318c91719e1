#!/usr/bin/env node
/**
 * The controller's process: command line, ports to the world, signals, the end. Logs go to stderr as JSON lines, the
 * readiness line to stdout. Never decides anything about a fleet.
 */
import { SHUTDOWN_MS, toNanofleetError } from '@nanofleet/protocol';
import { type Command, HELP, readCommand } from './command.ts';
import type { RunningController } from './controller.ts';
import { systemClock } from './ports/clock.ts';
import { factsOf, jsonLog } from './ports/log.ts';
import { systemRandom } from './ports/random.ts';

const USAGE = 2;
const log = jsonLog(
  () => systemClock.unixMs(),
  (line) => process.stderr.write(line),
);

/** Says what went wrong and how the process ends: 2 for the command line, 1 for the rest. */
const fail = (thrown: unknown): number => {
  const { code, message } = toNanofleetError(thrown);
  const { detail } = factsOf(thrown);
  const cause = detail === message ? {} : { detail };
  process.stderr.write(`${JSON.stringify({ level: 'error', code, message, ...cause })}\n`);
  return code === 'SETTING_INVALID' ? USAGE : 1;
};

const announce = (command: Command, running: RunningController): void => {
  const { authorityKeyId, controllerKeyId, fleet, httpPort, mqttPort, newAdminToken } = running;
  const facts = {
    ready: true,
    http: httpPort,
    mqtt: mqttPort,
    fleet,
    controllerKeyId,
    authorityKeyId,
    pid: process.pid,
  };
  if (command.wantsJson) process.stdout.write(`${JSON.stringify(facts)}\n`);
  else process.stdout.write(`The fleet ${fleet} is served: HTTP on port ${httpPort}, MQTT on ${mqttPort}.\n`);
  if (!command.wantsJson && authorityKeyId !== null)
    process.stdout.write(
      `Over TLS; operators log in with: nanofleet login URL --authority ${authorityKeyId}\n`,
    );
  // A token must not end up in the log of a service: only a person at a terminal sees it.
  if (newAdminToken !== null && process.stdout.isTTY) {
    process.stdout.write(`Admin token, shown this once: ${newAdminToken}\n`);
  }
};

/** Ends in order at a signal or the end of stdin, not ready from then on, and after a bound in any case. */
const endOn = (command: Command, running: Promise<RunningController>): void => {
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    setTimeout(() => process.exit(1), command.drainMs + SHUTDOWN_MS).unref();
    running
      .then(async (controller) => {
        controller.drain();
        await new Promise((resolve) => setTimeout(resolve, command.drainMs));
        await controller.stop();
      })
      .then(
        () => process.exit(0),
        (thrown: unknown) => process.exit(fail(thrown)),
      );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  if (command.endsWithStdin) process.stdin.on('end', end).on('error', end).resume();
};

/** Backups and moves are tasks of this program, too: it knows state directory and databases. */
const runTask = async (): Promise<void> => {
  const { runOperation } = await import('./backup/operate-program.ts');
  process.exitCode = await runOperation(process.argv.slice(2), {
    clock: systemClock,
    random: systemRandom,
    environment: process.env,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
};

const run = async (): Promise<void> => {
  if (['backup', 'db'].includes(process.argv[2] ?? '')) return runTask();
  const command = readCommand(process.argv.slice(2), process.env);
  if (command.wantsHelp) {
    process.stdout.write(HELP);
    return;
  }
  const settings = await command.settings();
  const { startController } = await import('./controller.ts');
  const running = startController(settings, { clock: systemClock, random: systemRandom, log });
  endOn(command, running);
  announce(command, await running);
};

process.on('unhandledRejection', (thrown) => {
  log.error('a promise failed unseen', factsOf(thrown));
  process.exit(1);
});

run().catch((thrown: unknown) => process.exit(fail(thrown)));
