/**
 * The command line of `start`. Owns names, defaults and their checks; touches no port and no directory.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';

/** HTTP port of the controller and MQTT port of the fleet when none is asked for. */
export const DEFAULT_PORTS = { http: 7420, mqtt: 7421 } as const;

/** What was asked for. */
export interface Options {
  /** Play the story, print one JSON line, end. */
  readonly once: boolean;
  /** Play the short story in which a worse version is stopped. */
  readonly badRelease: boolean;
  /** Absolute path of the state directory. */
  readonly directory: string;
  /** Null: the default port, or another one when that is taken. */
  readonly httpPort: number | null;
  readonly mqttPort: number | null;
  /** Only JSON on stdout. */
  readonly json: boolean;
  readonly help: boolean;
}

/** Text of `--help`. */
export const HELP = `usage: npx -y pnpm@12 start [--once] [--bad-release] [--dir DIR] [--port N] [--mqtt-port N] [--json]

One controller and five agents as real processes on this machine, and a story that they play.

  --once         play the story, check each step, print one JSON line as the last, end (0: all was seen)
  --bad-release  a short story instead: a version that is worse on purpose is stopped by its gate and rolled back
  --dir DIR      state directory (.nanofleet); a second start continues from it
  --port N       HTTP port of the controller (${DEFAULT_PORTS.http}, or another one when it is taken)
  --mqtt-port N  MQTT port of the fleet (${DEFAULT_PORTS.mqtt}, or another one when it is taken)
  --json         nothing but JSON on stdout; the story goes to stderr

DATABASE_URL (PostgreSQL) and MQTT_URL with MQTT_USERNAME and MQTT_PASSWORD_FILE (mosquitto on this machine) replace the
embedded engines.`;

/**
 * Reads the command line.
 * @throws NanofleetError SETTING_INVALID for anything that is not understood.
 */
export function readOptions(argv: readonly string[], workingDirectory: string): Options {
  const values = parsed(argv);
  return {
    once: values.once === true,
    badRelease: values['bad-release'] === true,
    directory: resolve(workingDirectory, values.dir ?? '.nanofleet'),
    httpPort: portOf('--port', values.port),
    mqttPort: portOf('--mqtt-port', values['mqtt-port']),
    json: values.json === true,
    help: values.help === true,
  };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        once: { type: 'boolean' },
        'bad-release': { type: 'boolean' },
        dir: { type: 'string' },
        port: { type: 'string' },
        'mqtt-port': { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split('. ')[0] ?? '') : String(cause);
    throw new NanofleetError('SETTING_INVALID', `${why}. start --help lists the options.`, { cause });
  }
}

function portOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new NanofleetError(
    'SETTING_INVALID',
    `${name} takes a port from 1 to 65535, not ${JSON.stringify(text)}.`,
  );
}
