/**
 * A real controller inside the test's process: its own clock offset, a handle on its database. Owns its
 * directory; ends with the tests of the file.
 */
import { join } from 'node:path';
import {
  jsonLog,
  type OpenDatabase,
  openDatabase,
  type RunningController,
  type Settings,
  startController,
  systemClock,
  systemRandom,
} from '@nanofleet/controller';
import { TEST_CACHE } from '@nanofleet/controller/testing';
import { generateSigningKey, type SigningKey } from '@nanofleet/protocol/node';
import { atEnd } from '../../endings.ts';
import { scratchDirectory } from './clone.ts';
import { FLEET, makeOperator, type Operator } from './operator.ts';

/** A started controller. */
export interface TestController extends Operator {
  readonly directory: string;
  readonly running: RunningController;
  /** The key that devices pin. */
  readonly publisher: SigningKey;
  readonly database: OpenDatabase['database'];
  readonly url: string;
  readonly adminToken: string;
  /** Everything logged so far. */
  log(): string;
  /** Moves its clock. */
  passMs(milliseconds: number): void;
}

/** What of a controller differs from the usual one. */
export interface ControllerOptions {
  readonly directory?: string;
  readonly publisher?: SigningKey;
  /** Publishers that the registry accepts beside the one that devices pin. */
  readonly otherPublishers?: readonly SigningKey[];
  readonly settings?: Partial<Settings>;
  /** Told of the opened database before anything uses it. */
  readonly opened?: (open: OpenDatabase) => void;
}

/** Settings of a controller on a directory. */
export const settingsOf = (
  directory: string,
  options: ControllerOptions & { publisher: SigningKey },
): Settings => ({
  directory,
  fleet: FLEET,
  host: '127.0.0.1',
  httpPort: 0,
  mqttPort: 0,
  certificate: null,
  broker: null,
  controllerKeyFile: null,
  publisherKeys: [options.publisher, ...(options.otherPublishers ?? [])].map(({ publicKey }) => publicKey),
  siteDirectory: join(directory, 'site'),
  adminTokenFile: join(directory, 'admin-token'),
  databaseUrl: null,
  databaseSchema: 'public',
  cacheDirectory: TEST_CACHE,
  advertisedMqttUrl: null,
  advertisedHttpUrl: null,
  ...options.settings,
});

/** Starts a controller on a new directory and free ports. */
export const startTestController = async (options: ControllerOptions = {}): Promise<TestController> => {
  const directory = options.directory ?? join(scratchDirectory(), 'controller');
  const publisher = options.publisher ?? generateSigningKey();
  const lines: string[] = [];
  let offsetMs = 0;
  let open: OpenDatabase | null = null;
  const nowMs = (): number => systemClock.unixMs() + offsetMs;
  const running = await startController(settingsOf(directory, { ...options, publisher }), {
    clock: { ...systemClock, unixMs: nowMs },
    random: systemRandom,
    log: jsonLog(nowMs, (line) => void lines.push(line)),
    open: async (...wanted) => {
      open = await openDatabase(...wanted);
      options.opened?.(open);
      return open;
    },
  });
  atEnd(() => running.stop());
  const url = `http://127.0.0.1:${running.httpPort}`;
  const adminToken = running.newAdminToken ?? '';
  const pinned = { publisher: publisher.fingerprint, controller: running.controllerKeyId };
  return {
    ...makeOperator({ url, adminToken, ...pinned }),
    directory,
    running,
    publisher,
    url,
    adminToken,
    log: () => lines.join(''),
    passMs: (milliseconds) => {
      offsetMs += milliseconds;
    },
    get database() {
      if (open === null) throw new TypeError('the database is not open');
      return open.database;
    },
  };
};
