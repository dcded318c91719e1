// One of many devices of a process: the real agent on a real disk, over real MQTT and HTTP, with its own model in the real
// engine. Nothing is shared with the others; what it does is counted.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  Agent,
  type AgentPorts,
  acceptInProcess,
  closeHttp,
  makeConnections,
  portsFor,
} from '@nanofleet/agent';
import { lineIdSchema, parseDeltaName, parseTopic } from '@nanofleet/protocol';
import type { SigningKey } from '@nanofleet/protocol/node';
import type { CheckedBundle } from '@nanofleet/runtime/node';
import { silentLog, type Transport } from '@nanofleet/runtime/ports';
import { Turns } from './turns.ts';

const LINE = lineIdSchema.parse('intent');
const BEAT_MS = 60_000;
const INSTALLING_AT_ONCE = 2;
type Acceptance = AgentPorts['acceptance'];
type Fetched = ReturnType<AgentPorts['blobs']['fetch']>;
/** A version that nobody asks anything is committed when this is over. */
const PROBATION = { leastMs: 200, mostMs: 500, inputs: 0 };

/** What the devices of a process did. */
export interface Work {
  downloads: number;
  deltaDownloads: number;
  downloadedBytes: number;
  /** Messages of any kind, and those of them that report the state. */
  messages: number;
  reports: number;
  loads: number;
  /** The devices of a process share its processor: hundreds of installations begun at once would all take as long as all of them. */
  readonly installing: Turns;
  /** Buffers of graphs that sessions were made of. */
  readonly models: WeakSet<ArrayBufferLike>;
  ownModels: number;
}

export const noWork = (): Work => ({
  ...{ downloads: 0, deltaDownloads: 0, downloadedBytes: 0, messages: 0, reports: 0, loads: 0, ownModels: 0 },
  models: new WeakSet(),
  installing: new Turns(INSTALLING_AT_ONCE),
});

/** Where it lives. */
export interface RolloutDeviceOptions {
  readonly identity: Parameters<typeof portsFor>[0];
  readonly key: SigningKey;
  readonly directory: string;
  /** Signed bundles of its image. */
  readonly bundles: string;
  readonly work: Work;
}

/** How a device stands. */
export interface Standing {
  readonly isConnected: boolean;
  /** Digest of the version that is past its probation. */
  readonly committed: string | null;
}

/** A device. */
export class RolloutDevice {
  readonly #agent: Agent;
  readonly #connections = makeConnections();
  /** Whether it is this device's turn to install. */
  #isInstalling = false;
  readonly #work: Work;
  /** How it stood when it was asked last; null once it has said something since. */
  #known: Standing | null = null;

  constructor({ bundles, directory, identity, key, work }: RolloutDeviceOptions) {
    const state = join(directory, identity.device);
    mkdirSync(state, { recursive: true, mode: 0o700 });
    this.#work = work;
    const real = portsFor(identity, { connections: this.#connections, deviceKey: key });
    const load: AgentPorts['load'] = async (bundle) => {
      countLoad(work, bundle);
      return await real.load(bundle);
    };
    this.#agent = new Agent(
      { directory: state, identity, bundles, beatMs: BEAT_MS, learning: false, probation: PROBATION },
      {
        ...real,
        ...{
          log: silentLog,
          load,
          transport: this.#counted(real.transport, work),
          acceptance: this.#last(acceptInProcess({ clock: real.clock, disk: real.disk, load })),
        },
        blobs: {
          ...real.blobs,
          fetch: (name, range) => this.#fetched(name, () => real.blobs.fetch(name, range)),
        },
      },
    );
  }

  /** Loads its model and connects. */
  async start(): Promise<void> {
    await this.#agent.load();
    this.#agent.start();
  }

  /** How it stands, as of its last message. */
  get standing(): Standing {
    if (this.#known !== null) return this.#known;
    // Made of everything that a device knows: asked of hundreds several times a second it would cost more than their work.
    const { lines, link } = this.#agent.status();
    this.#known = { isConnected: link === 'connected', committed: lines[LINE]?.committed ?? null };
    return this.#known;
  }

  async close(): Promise<void> {
    await this.#agent.close();
    closeHttp(this.#connections);
  }

  /** The first piece that it fetches begins its turn. */
  async #fetched(name: string, fetch: () => Fetched): Fetched {
    const work = this.#work;
    if (!this.#isInstalling) await work.installing.begin();
    this.#isInstalling = true;
    try {
      const piece = await fetch();
      work.downloads += 1;
      work.downloadedBytes += piece.bytes.length;
      if (parseDeltaName(name) !== null) work.deltaDownloads += 1;
      return piece;
    } catch (thrown) {
      this.#endTurn();
      throw thrown;
    }
  }

  /** The trial of what was fetched ends its turn. */
  #last(acceptance: Acceptance): Acceptance {
    return { try: (...given) => acceptance.try(...given).finally(() => this.#endTurn()) };
  }

  #endTurn(): void {
    if (this.#isInstalling) this.#work.installing.end();
    this.#isInstalling = false;
  }

  #counted(transport: Transport, work: Work): Transport {
    return {
      connect: (options, handlers) => {
        const connection = transport.connect(options, handlers);
        return {
          ...connection,
          publish: (topic, payload, given) => {
            work.messages += 1;
            if (parseTopic(topic).channel.kind === 'reported') work.reports += 1;
            this.#known = null;
            return connection.publish(topic, payload, given);
          },
        };
      },
    };
  }
}

function countLoad(work: Work, bundle: CheckedBundle): void {
  work.loads += 1;
  const graph = bundle.files.get('infer.int8')?.buffer;
  if (graph === undefined || work.models.has(graph)) return;
  work.models.add(graph);
  work.ownModels += 1;
}
