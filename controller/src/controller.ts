/**
 * Starts and stops one controller: lock, database, then everything that serves. Owns the order of the start and that
 * nothing of a failed one stays; what is done is the others'.
 */

import { mkdir } from 'node:fs/promises';
import type { Clock, Log, Random } from '@nanofleet/runtime/ports';
import { createBackup } from './backup/create-backup.ts';
import { listenForBackups } from './backup/operate-socket.ts';
import { hasCommitted } from './backup/restore-backup.ts';
import { isUnsettled, settleRestored } from './backup/restored-state.ts';
import { type OpenDatabase, openDatabase } from './db/open-database.ts';
import { BlobArchive } from './models/blob-archive.ts';
import { BlobStore } from './models/blob-store.ts';
import type { Settings } from './ports/settings.ts';
import type { Undo } from './server.ts';
import { lockDirectory } from './state/directory-lock.ts';
import { Identity } from './state/identity.ts';

const SECRET_BYTES = 32;
const UNIQUE_BYTES = 6;

/** What a controller gets from its process. */
export interface ControllerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How the database is opened; tests put a faulty one here. */
  readonly open?: typeof openDatabase;
}

/** A controller that serves. */
export interface RunningController {
  readonly httpPort: number;
  readonly mqttPort: number;
  readonly fleet: string;
  readonly controllerKeyId: string;
  /** SHA-256 of the public key of the authority that devices and operators can pin; null on plain connections. */
  readonly authorityKeyId: string | null;
  /** The first admin token, if this start made it. */
  readonly newAdminToken: string | null;
  /** Answers not ready from now on, and goes on serving. */
  drain(): void;
  /** Ends everything in order. */
  stop(): Promise<void>;
}

/**
 * Starts a controller.
 * @throws NanofleetError STATE_IN_USE, STATE_CORRUPT, DATABASE_UNAVAILABLE, PORT_TAKEN, SETTING_INVALID; then nothing
 * of it is left open
 */
export const startController = async (
  settings: Settings,
  ports: ControllerPorts,
): Promise<RunningController> => {
  const undo: Undo[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return { ...(await start(settings, ports, undo)), stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
};

const start = async (settings: Settings, ports: ControllerPorts, undo: Undo[]) => {
  await mkdir(settings.directory, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(settings.directory);
  undo.push(() => lock.release());
  if (isUnsettled(settings.directory)) {
    await settleRestored(settings.directory, (id) => hasCommitted(settings, id));
  }
  const hex = (count: number): string => Buffer.from(ports.random.bytes(count)).toString('hex');
  // The database opens in its thread while this one loads and reads the rest.
  const opening = (ports.open ?? openDatabase)(settings, hex(UNIQUE_BYTES));
  const loading = Promise.all([
    import('./server.ts'),
    Identity.open(settings, ports.random),
    BlobStore.open(settings.directory),
  ]);
  const [opened, loaded] = await Promise.allSettled([opening, loading]);
  const open: OpenDatabase = valueOf(opened);
  undo.push(() => open.close());
  const [{ serve }, identity, blobs] = valueOf(loaded);
  if (open.kind === 'postgres') await blobs.shareThrough(new BlobArchive(open.database));
  undo.push(
    await listenForBackups(settings.directory, {
      log: ports.log,
      make: (file, seal) =>
        createBackup(
          { ...open, directory: settings.directory, given: keysElsewhere(settings) },
          { file, seal, clock: ports.clock, random: ports.random },
        ),
    }),
  );
  const ground = {
    clock: ports.clock,
    random: ports.random,
    log: ports.log,
    database: open.database,
    identity,
    blobs,
    provider: settings.provider ?? null,
    scrapeToken: settings.scrapeToken ?? null,
  };
  const served = await serve(settings, ground, { secret: hex(SECRET_BYTES), undo });
  return {
    ...served,
    fleet: settings.fleet,
    controllerKeyId: identity.keyId,
    authorityKeyId: identity.shown().authorityKeyId,
  };
};

/** Files that a backup must hold though they are not in the state directory. */
const keysElsewhere = ({ authority = null, controllerKeyFile }: Settings): Record<string, string> => ({
  ...(controllerKeyFile === null ? {} : { 'controller.key.pem': controllerKeyFile }),
  ...(authority === null ? {} : { 'ca.pem': authority.certificateFile, 'ca.key.pem': authority.keyFile }),
});

/** What a settled promise gave; throws what it failed with. */
const valueOf = <T>(result: PromiseSettledResult<T>): T => {
  if (result.status === 'fulfilled') return result.value;
  throw result.reason;
};
