/**
 * What one controller was told at its start, after checks: addresses, directories, keys. Owns the type only; the
 * command line fills it in `command.ts`, tests fill it by hand.
 */
import type { FleetId } from '@nanofleet/protocol';

/** Certificate and key of the listeners, PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Settings of one controller. */
export interface Settings {
  /** State directory; created when missing. */
  readonly directory: string;
  readonly fleet: FleetId;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly httpPort: number;
  readonly mqttPort: number;
  readonly certificate: Certificate | null;
  /** Raw 32-byte Ed25519 public keys whose bundles the registry takes. */
  readonly publisherKeys: readonly Uint8Array[];
  /** Where the first admin token is written. */
  readonly adminTokenFile: string;
  /** `postgres://…`, or null for the embedded database below the directory. */
  readonly databaseUrl: string | null;
  /** Schema within the database; `public` but in tests. */
  readonly databaseSchema: string;
  /** Where snapshots of empty embedded databases are kept. */
  readonly cacheDirectory: string;
  /** Where the built dashboard is; it may be built later. */
  readonly siteDirectory: string;
  /** What devices are told to connect to instead of this listener's own address. */
  readonly advertisedMqttUrl: string | null;
  readonly advertisedHttpUrl: string | null;
}
