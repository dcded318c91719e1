// One of many devices of a process: the real agent on a real disk, over real MQTT and HTTP, with its own model in the real
// engine. Nothing is shared with the others; what it does is counted.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, type AgentPorts, acceptInProcess, portsFor } from '@nanofleet/agent';
import { lineIdSchema, parseDeltaName } from '@nanofleet/protocol';
import type { SigningKey } from '@nanofleet/protocol/node';
import type { CheckedBundle } from '@nanofleet/runtime/node';
import { silentLog } from '@nanofleet/runtime/ports';

const LINE = lineIdSchema.parse('intent');
const BEAT_MS = 60_000;
/** A version that nobody asks anything is committed when this is over. */
const PROBATION = { leastMs: 200, mostMs: 500, inputs: 0 };

/** What the devices of a process did. */
export interface Work {
  downloads: number;
  deltaDownloads: number;
  downloadedBytes: number;
  loads: number;
  /** Buffers of graphs that sessions were made of. */
  readonly models: WeakSet<ArrayBufferLike>;
  ownModels: number;
}

export const noWork = (): Work => ({
  ...{ downloads: 0, deltaDownloads: 0, downloadedBytes: 0, loads: 0, ownModels: 0 },
  models: new WeakSet(),
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

/** A device. */
export class RolloutDevice {
  readonly #agent: Agent;

  constructor({ bundles, directory, identity, key, work }: RolloutDeviceOptions) {
    const state = join(directory, identity.device);
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const real = portsFor(identity, { deviceKey: key });
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
          acceptance: acceptInProcess({ clock: real.clock, disk: real.disk, load }),
        },
        blobs: {
          ...real.blobs,
          fetch: async (name, range) => {
            const piece = await real.blobs.fetch(name, range);
            work.downloads += 1;
            work.downloadedBytes += piece.bytes.length;
            if (parseDeltaName(name) !== null) work.deltaDownloads += 1;
            return piece;
          },
        },
      },
    );
  }

  /** Loads its model and connects. */
  async start(): Promise<void> {
    await this.#agent.load();
    this.#agent.start();
  }

  get isConnected(): boolean {
    return this.#agent.status().link === 'connected';
  }

  /** Digest of the version that is past its probation. */
  get committed(): string | null {
    return this.#agent.status().lines[LINE]?.committed ?? null;
  }

  close(): Promise<void> {
    return this.#agent.close();
  }
}

function countLoad(work: Work, bundle: CheckedBundle): void {
  work.loads += 1;
  const graph = bundle.files.get('infer.int8')?.buffer;
  if (graph === undefined || work.models.has(graph)) return;
  work.models.add(graph);
  work.ownModels += 1;
}
