/**
 * A real controller inside the test's process: its own clock offset, a handle on its database, the operator API over
 * HTTP. Owns its directory; ends with the tests of the file.
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
import {
  type ApiAnswer,
  type ApiCall,
  type ApiRoute,
  apiAnswerOf,
  fleetIdSchema,
  httpCallOf,
} from '@nanofleet/protocol';
import {
  encodeFleetToken,
  type FleetToken,
  generateSigningKey,
  type SigningKey,
} from '@nanofleet/protocol/node';
import { afterAll } from 'vitest';
import type { TestBundle } from './bundles.ts';
import { CLONE, scratchDirectory } from './clone.ts';

/** Name of every fleet here. */
export const FLEET = fleetIdSchema.parse('test');
const TOKEN_VALID_S = 600;

/** A started controller. */
export interface TestController {
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
  /** One call of the operator API; the first admin's when no token is given. @throws NanofleetError the answer's error */
  call<R extends ApiRoute>(route: R, call?: ApiCall<R>, token?: string): Promise<ApiAnswer<R>>;
  /** A fleet token as `nanofleet fleet-tokens new` prints it. */
  fleetToken(options?: { uses?: number; validForS?: number; change?: Partial<FleetToken> }): Promise<string>;
  /** Uploads and registers a bundle. @throws NanofleetError the registry's refusal */
  push(bundle: TestBundle): Promise<ApiAnswer<'addModel'>>;
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

const settingsOf = (directory: string, options: ControllerOptions & { publisher: SigningKey }): Settings => ({
  directory,
  fleet: FLEET,
  host: '127.0.0.1',
  httpPort: 0,
  mqttPort: 0,
  certificate: null,
  publisherKeys: [options.publisher, ...(options.otherPublishers ?? [])].map(({ publicKey }) => publicKey),
  adminTokenFile: join(directory, 'admin-token'),
  databaseUrl: null,
  databaseSchema: 'public',
  cacheDirectory: CLONE.cache,
  advertisedMqttUrl: null,
  advertisedHttpUrl: null,
  ...options.settings,
});

const caller =
  (url: string, admin: string): TestController['call'] =>
  async (route, call = {}, token = admin) => {
    const { method, path, body, contentType } = httpCallOf(route, call);
    const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
    if (contentType !== null) headers['content-type'] = contentType;
    const response = await fetch(`${url}${path}`, { method, headers, body });
    return apiAnswerOf(route, { status: response.status, body: await response.text() });
  };

/** Starts a controller on a new directory and free ports. */
export const startTestController = async (options: ControllerOptions = {}): Promise<TestController> => {
  const directory = options.directory ?? join(scratchDirectory(), 'controller');
  const publisher = options.publisher ?? generateSigningKey();
  const lines: string[] = [];
  let offsetMs = 0;
  let open: OpenDatabase | null = null;
  const nowMs = (): number => systemClock.nowMs() + offsetMs;
  const running = await startController(settingsOf(directory, { ...options, publisher }), {
    clock: { ...systemClock, nowMs },
    random: systemRandom,
    log: jsonLog(nowMs, (line) => void lines.push(line)),
    open: async (...wanted) => {
      open = await openDatabase(...wanted);
      options.opened?.(open);
      return open;
    },
  });
  afterAll(() => running.stop());
  const url = `http://127.0.0.1:${running.httpPort}`;
  const adminToken = running.newAdminToken ?? '';
  const call = caller(url, adminToken);
  return {
    directory,
    running,
    publisher,
    url,
    adminToken,
    call,
    log: () => lines.join(''),
    passMs: (milliseconds) => {
      offsetMs += milliseconds;
    },
    get database() {
      if (open === null) throw new TypeError('the database is not open');
      return open.database;
    },
    fleetToken: async ({ uses = 1, validForS = TOKEN_VALID_S, change = {} } = {}) => {
      const body = { name: 'test', group: 'homes', uses, validForS };
      const { id, secret, expiresAt } = await call('makeFleetToken', { body });
      const pinned = { publisher: publisher.fingerprint, controller: running.controllerKeyId };
      return encodeFleetToken({ fleet: FLEET, url, tokenId: id, secret, ...pinned, expiresAt, ...change });
    },
    push: async (bundle) => {
      for (const { name, sha256 } of bundle.manifest.files) {
        await call('putBlob', { params: { digest: sha256 }, body: bundle.read(name) });
      }
      const manifest = bundle.read('manifest.json').toString('base64');
      return call('addModel', {
        body: { manifest, signature: bundle.read('manifest.sig').toString('utf8') },
      });
    },
  };
};
