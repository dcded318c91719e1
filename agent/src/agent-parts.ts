/** What an agent is made of: its ports to the world, and what it is to do. Owns no behaviour. */
import type { Birth } from '@nanofleet/protocol';
import type { SigningKey } from '@nanofleet/protocol/node';
import type { Registry } from '@nanofleet/runtime';
import type { loadRunner } from '@nanofleet/runtime/node';
import type { Clock, Disk, Log, Random, Transport } from '@nanofleet/runtime/ports';
import type { CertificateKeeper } from './link/certificate-keeper.ts';
import type { BlobSource } from './ports/blob-source.ts';
import type { Host } from './ports/host.ts';
import type { Trainer } from './ports/trainer.ts';
import type { Outflow } from './sinks/sinks.ts';
import type { Inflow } from './sources/sources.ts';
import type { Identity } from './store/identity.ts';
import type { Acceptance } from './trial/acceptance.ts';
import type { ProbationLength } from './trial/probation.ts';
import type { LoaderTie } from './upgrade/upgrade.ts';

/** Everything of the world that the agent touches. */
export interface AgentPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly transport: Transport;
  /** What TLS is made of; left out without any. */
  readonly certificate?: CertificateKeeper;
  readonly blobs: BlobSource;
  /** Asks the controller to be let in at the broker; left out, nobody is asked. */
  readonly admit?: () => Promise<void>;
  readonly host: Host;
  readonly log: Log;
  readonly trainer: Trainer;
  /** Signs what the device says of itself; left out, its reports are not attested. */
  readonly deviceKey?: SigningKey;
  /** Tries new versions apart from the agent. */
  readonly acceptance: Acceptance;
  /** Turns a verified bundle into a runner. */
  readonly load: typeof loadRunner;
  /** Name and version of what runs the models. */
  readonly engine: Birth['engine'];
}

/** What one agent is to do. */
export interface AgentOptions {
  /** State directory. */
  readonly directory: string;
  readonly identity: Identity;
  /** Directory of signed bundles for lines that have none yet. */
  readonly bundles?: string;
  readonly beatMs?: number;
  /** Bytes that are fetched in a second at most, below what the group allows; no bound of its own when left out. */
  readonly fetchBytesPerSecond?: number;
  /** How long new versions are watched; as the limits say when left out. */
  readonly probation?: ProbationLength;
  /** Whether the device takes part in rounds; it does when left out. */
  readonly learning?: boolean;
  /** Whether decisions are explained where the group's policy allows it; they are when left out. */
  readonly explanations?: boolean;
  /** What the device knows by name; nothing when left out. */
  readonly names?: Registry;
  /** Where data come from; from nowhere but local programs when left out. */
  readonly inflow?: Inflow;
  /** Where decisions and events go, beside the controller; nowhere when left out. */
  readonly outflow?: Outflow;
  /** What has started the agent and can start another; nothing when left out. */
  readonly loader?: LoaderTie;
}
