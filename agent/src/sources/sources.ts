/**
 * All data sources of the agent: reads each, again with a growing wait when it broke, and tells what became of it. A
 * broken source stops neither the agent nor another source. Owns starting and ending; never what a message means.
 */
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  NanofleetError,
  RECONNECT_LONGEST_MS,
  type SourceReport,
  toNanofleetError,
} from '@nanofleet/protocol';
import type { Clock, Disk, Log, Random, Transport } from '@nanofleet/runtime/ports';
import { pauseUnlessAborted } from '../link/abortable-pause.ts';
import { backoffMs } from '../link/backoff.ts';
import type { SourceFiles } from '../ports/source-files.ts';
import { CsvReader } from './csv-reader.ts';
import { PositionRecord } from './file-position.ts';
import { FileReader } from './file-reader.ts';
import { makeMqttReader } from './mqtt-reader.ts';
import { SamplesFeed } from './samples-feed.ts';
import type { SourceConfig } from './source-config.ts';
import type { SourceFeed, SourceLines } from './source-feed.ts';
import { SourceMessage } from './source-message.ts';
import { SourceQueue } from './source-queue.ts';
import type { RawMessage, ReaderTarget, SourceReader } from './source-reader.ts';
import { SourceTally } from './source-tally.ts';
import { makeStreamReader } from './stream-reader.ts';
import { makeTextFeed } from './text-feed.ts';

/** What agent.yaml says of sources, and where files and standard input come from. */
export interface Inflow {
  readonly sources: Readonly<Record<string, SourceConfig>>;
  readonly files: SourceFiles;
  /** Standard input. */
  readonly input: () => AsyncIterable<Uint8Array>;
}

/** Nothing comes but from local programs. */
export const NO_INFLOW: Inflow = {
  sources: {},
  files: { open: () => null, identityOf: () => null, findBeside: () => null },
  input: () => Readable.from([]),
};

/** Everything of the world that sources touch. */
export interface SourcesOptions extends Inflow {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Log;
  readonly transport: Transport;
  /** Where positions are kept. */
  readonly directory: string;
  /** Name of the device, for its name at brokers. */
  readonly device: string;
  readonly lines: SourceLines;
  /** Told what is wrong with the sources; null when nothing is. */
  readonly failing: (error: NanofleetError | null) => void;
}

interface Running {
  readonly config: SourceConfig;
  readonly tally: SourceTally;
  readonly queue: SourceQueue;
}

/** A connection that held so long starts the growing wait anew, milliseconds. */
const STEADY_MS = RECONNECT_LONGEST_MS;

/** The sources of an agent. */
export class Sources {
  readonly #options: SourcesOptions;
  readonly #ending = new AbortController();
  readonly #running = new Map<string, Running>();
  readonly #broken = new Map<string, NanofleetError>();
  readonly #ended: Promise<void>[] = [];

  constructor(options: SourcesOptions) {
    this.#options = options;
    for (const [name, config] of Object.entries(options.sources))
      this.#running.set(name, this.#prepare(config));
  }

  /** Begins to read. */
  start(): void {
    const { directory, disk, sources } = this.#options;
    if (Object.values(sources).some(({ kind }) => kind === 'file')) disk.makeDirectory(directory);
    for (const [name, running] of this.#running) {
      const reader = this.#readerOf(name, running.config);
      if (reader === null) running.tally.opened();
      // Standard input that says nothing cannot be asked to end.
      else if (running.config.kind === 'stdin') void this.#keepReading(name, running, reader);
      else this.#ended.push(this.#keepReading(name, running, reader));
    }
  }

  /** Ends all; what was read and not used stays where it came from. */
  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#ended);
  }

  /** What each source did. */
  reports(): Record<string, SourceReport> {
    return Object.fromEntries([...this.#running].map(([name, { tally }]) => [name, tally.report()]));
  }

  /**
   * Takes a message that a program gave to a source of kind http.
   * @throws NanofleetError SOURCE_UNKNOWN, SOURCE_BUSY, MESSAGE_TOO_LARGE
   */
  async post(name: string, text: string): Promise<SourceReport> {
    const running = this.#running.get(name);
    if (running?.config.kind !== 'http') {
      const known = [...this.#running]
        .filter(([, { config }]) => config.kind === 'http')
        .map(([other]) => other);
      const problem = `agent.yaml has no source ${JSON.stringify(name.slice(0, 40))} of kind http; there are: ${known.join(', ') || 'none'}`;
      throw new NanofleetError('SOURCE_UNKNOWN', problem);
    }
    const { config, queue, tally } = running;
    if (Buffer.byteLength(text) > config.limits.messageBytes) {
      tally.drop('tooLarge');
      throw new NanofleetError(
        'MESSAGE_TOO_LARGE',
        `source ${name} takes ${config.limits.messageBytes} bytes`,
      );
    }
    if (!queue.hasRoom) {
      tally.drop('tooMany');
      throw new NanofleetError(
        'SOURCE_BUSY',
        `source ${name} takes ${config.limits.perSecond} messages a second`,
      );
    }
    await queue.add(this.#message({ text }));
    return tally.report();
  }

  #prepare(config: SourceConfig): Running {
    const { clock, lines } = this.#options;
    const tally = new SourceTally(config.kind, clock);
    const queue = new SourceQueue({
      clock,
      feed: feedOf(config, { lines, tally }),
      tally,
      perSecond: config.limits.perSecond,
      pause: (milliseconds) => this.#pause(milliseconds),
      signal: this.#ending.signal,
    });
    return { config, tally, queue };
  }

  /** Null for a kind that is not read: programs come by themselves. */
  #readerOf(name: string, config: SourceConfig): SourceReader | null {
    const { clock, device, disk, directory, files, input, transport } = this.#options;
    switch (config.kind) {
      case 'mqtt':
        return makeMqttReader({ config, clientId: `nanofleet-${device}-${name}`, transport, disk });
      case 'stdin':
        return makeStreamReader(input, config.limits.messageBytes);
      case 'file': {
        const path = join(directory, `${name}.position`);
        return new FileReader({ config, files, openRecord: () => new PositionRecord(disk, path) });
      }
      case 'csv':
        return new CsvReader({ config, files, clock });
      case 'http':
        return null;
    }
  }

  async #keepReading(name: string, running: Running, reader: SourceReader): Promise<void> {
    const { clock, random } = this.#options;
    const target = this.#targetOf(name, running);
    for (let failures = 1; !this.#ending.signal.aborted; failures += 1) {
      const startMicros = clock.monotonicMicros();
      try {
        await reader.run(target, this.#ending.signal);
        return running.tally.ended();
      } catch (thrown) {
        if (this.#ending.signal.aborted) return;
        if (clock.monotonicMicros() - startMicros > STEADY_MS * 1_000) failures = 1;
        this.#fail(name, running, toNanofleetError(thrown));
        await this.#pause(backoffMs(failures, random.share()));
      }
    }
  }

  #fail(name: string, { tally }: Running, { code, message }: NanofleetError): void {
    this.#options.log.warn('source-failed', { source: name, code, why: message.slice(0, 300) });
    tally.failed(message);
    this.#broken.set(name, new NanofleetError('SOURCE_FAILED', `source ${name}: ${message}`));
    this.#tellFailing();
  }

  #tellFailing(): void {
    this.#options.failing([...this.#broken.values()][0] ?? null);
  }

  #targetOf(name: string, { tally, queue }: Running): ReaderTarget {
    return {
      opened: () => {
        tally.opened();
        if (this.#broken.delete(name)) this.#tellFailing();
      },
      put: (message) => queue.put(this.#message(message)),
      offer: async (message) => {
        if (queue.hasRoom) await queue.add(this.#message(message)).catch(() => undefined);
        else tally.drop('tooMany');
      },
      interrupt: () => queue.interrupt(),
      drop: (reason) => tally.drop(reason),
      pause: (milliseconds) => this.#pause(milliseconds),
    };
  }

  #message({ text, topic, value, seconds }: RawMessage): SourceMessage {
    return new SourceMessage(text, {
      seconds: seconds ?? this.#options.clock.monotonicMicros() / 1e6,
      ...(topic === undefined ? {} : { topic }),
      ...(value === undefined ? {} : { value }),
    });
  }

  #pause(milliseconds: number): Promise<void> {
    return pauseUnlessAborted(this.#options.clock, milliseconds, this.#ending.signal);
  }
}

/** A source has either of the two; the schema says so. */
const feedOf = (
  { line, text, samples }: SourceConfig,
  options: { lines: SourceLines; tally: SourceTally },
): SourceFeed => {
  if (text !== undefined) return makeTextFeed(text, { line, ...options });
  if (samples !== undefined) return new SamplesFeed(samples, { line, ...options });
  throw new NanofleetError('CONFIG_INVALID', 'a source gives neither text nor samples');
};
