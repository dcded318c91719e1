/**
 * What one controller was told at its start, after checks: addresses, directories, keys. Owns the type only; the
 * command line fills it in `command.ts`, tests fill it by hand.
 */
import type { FleetId } from '@nanofleet/protocol';
import type { ProviderSettings } from '../cloud/provider-settings.ts';

/** Certificate and key of the listeners, PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Where an authority that was given is, PEM. */
export interface AuthorityFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** A broker that is not this process. */
export interface BrokerSettings {
  /** `mqtt://` on this machine, or `mqtts://`. */
  readonly url: string;
  /**
   * With mosquitto: the administrator of its rights; with external rights: a client that may use all of the fleet; empty
   * with certificates, which say more.
   */
  readonly username: string;
  readonly password: string;
  /** Whose certificates the broker may have, PEM; null for those that Node trusts. */
  readonly ca: string | null;
  /**
   * Who gives devices their topics: the controller through mosquitto's plugin, to credentials or to certificates, or
   * somebody else.
   */
  readonly rights: 'mosquitto' | 'certificates' | 'external';
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
  /** For listeners that speak TLS; null for one of the fleet's authority. */
  readonly certificate: Certificate | null;
  /** Whether both listeners speak TLS; left out: when a certificate was given. */
  readonly isSecure?: boolean;
  /** The fleet's authority; left out or null for one made below the directory. */
  readonly authority?: AuthorityFiles | null;
  /** The broker to use; null for the embedded one. */
  readonly broker: BrokerSettings | null;
  /** Raw 32-byte Ed25519 public keys whose bundles the registry takes. */
  readonly publisherKeys: readonly Uint8Array[];
  /** The key that all controllers of a fleet sign with; null for one made below the directory. */
  readonly controllerKeyFile: string | null;
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
  /** Where the agent's packages are; they may be made later. Left out: there are none. */
  readonly agentsDirectory?: string;
  /** What devices are told to connect to instead of this listener's own address. */
  readonly advertisedMqttUrl: string | null;
  readonly advertisedHttpUrl: string | null;
  /** The cloud tier's provider; left out or null: none. */
  readonly provider?: ProviderSettings | null;
  /** What opens `/metrics` and nothing else; left out or null: operators' tokens only. */
  readonly scrapeToken?: string | null;
}
