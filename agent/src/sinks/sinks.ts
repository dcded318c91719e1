/**
 * All sinks of the agent: tells each of the decisions and events that it is to get, and what became of them. A slow or
 * dead sink delays neither a decision nor another sink. Owns starting and ending; never what a sink does with a message.
 */
import {
  type Decision,
  NanofleetError,
  type OffloadPolicy,
  type OutboundEntry,
  type SensorEventView,
  type SinkReport,
} from '@nanofleet/protocol';
import type { Clock, Disk, Log, Random, Transport } from '@nanofleet/runtime/ports';
import { brokerLogin } from '../brokers/broker-login.ts';
import { pauseUnlessAborted } from '../link/abortable-pause.ts';
import { isLoopbackUrl } from '../link/private-url.ts';
import type { HttpAnswer, HttpRequest } from '../ports/http-client.ts';
import type { RunProgram } from '../ports/programs.ts';
import { makeCommandWriter } from './command-writer.ts';
import { answeredHappening, type Happening, happeningOf, messageOf, sensorHappening } from './happening.ts';
import { HomeAssistantWriter, type HouseControls } from './home-assistant-writer.ts';
import { makeMqttWriter } from './mqtt-writer.ts';
import type { SinkConfig } from './sink-config.ts';
import { SinkFilter } from './sink-filter.ts';
import { SinkQueue } from './sink-queue.ts';
import { SinkTally } from './sink-tally.ts';
import type { SinkState, SinkWriter } from './sink-writer.ts';
import { makeWebhookWriter } from './webhook-writer.ts';

/** What agent.yaml says of sinks, and how the world is reached. */
export interface Outflow {
  readonly sinks: Readonly<Record<string, SinkConfig>>;
  readonly http: (request: HttpRequest) => Promise<HttpAnswer>;
  readonly run: RunProgram;
}

/** Everything of the world that sinks touch. */
export interface SinksOptions extends Outflow {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Log;
  readonly transport: Transport;
  readonly device: string;
  /** What Home Assistant sees and may press. */
  readonly controls: HouseControls;
  /** Of the device's group at this moment; noted with what leaves. */
  readonly policy: () => OffloadPolicy;
  /** Notes what is about to leave the machine. */
  readonly leaving: (entry: OutboundEntry) => void;
  /** Told what is wrong with the sinks; null when nothing is. */
  readonly failing: (error: NanofleetError | null) => void;
}

interface Running {
  readonly filter: SinkFilter;
  readonly queue: SinkQueue;
  readonly writer: SinkWriter;
}

/** The sinks of an agent. */
export class Sinks {
  readonly #options: SinksOptions;
  readonly #ending = new AbortController();
  readonly #running = new Map<string, Running>();
  readonly #broken = new Map<string, NanofleetError>();
  readonly #houses: HomeAssistantWriter[] = [];

  constructor(options: SinksOptions) {
    this.#options = options;
    for (const [name, config] of Object.entries(options.sinks))
      this.#running.set(name, this.#prepare(name, config));
  }

  /** Begins to reach what has to be reached first. */
  start(): void {
    for (const { writer } of this.#running.values()) writer.start();
  }

  /** Ends all; what waits is dropped. */
  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.#running.values()].map(({ writer }) => writer.close()));
  }

  /** Other lines run, or other versions of them. */
  linesChanged(): void {
    for (const told of this.#houses) told.linesChanged();
  }

  /** What each sink did. */
  reports(): Record<string, SinkReport> {
    return Object.fromEntries([...this.#running].map(([name, { queue }]) => [name, queue.report()]));
  }

  /** What the device decided on a text. */
  decided(decision: Decision, text: string): void {
    if (this.#running.size > 0) this.#tell(happeningOf(decision, text, this.#options.clock.unixMs()));
  }

  /** What a bigger tier made of a decision. */
  answered(decision: Decision | null): void {
    if (this.#running.size === 0 || decision === null) return;
    const happening = answeredHappening(decision, this.#options.clock.unixMs());
    if (happening !== null) this.#tell(happening);
  }

  /** What a sensor line saw. */
  sensed(event: SensorEventView): void {
    if (this.#running.size > 0) this.#tell(sensorHappening(event, this.#options.clock.unixMs()));
  }

  #tell(happening: Happening): void {
    for (const { filter, queue } of this.#running.values()) if (filter.takes(happening)) queue.add(happening);
  }

  #prepare(name: string, config: SinkConfig): Running {
    const { clock, random } = this.#options;
    const { kind, when, expireMs, timeoutMs } = config;
    const isReached = kind === 'mqtt' || kind === 'home-assistant';
    const tally = new SinkTally(kind, isReached ? 'waiting' : 'open', clock);
    const failing = (error: NanofleetError | null): void => this.#note(name, error);
    const state = {
      opened: () => {
        tally.opened();
        failing(null);
      },
      failed: (error: NanofleetError) => {
        tally.failed(error.message);
        failing(error);
      },
    };
    const writer = this.#noting(name, config, this.#writerOf(name, config, state));
    const queue = new SinkQueue({
      clock,
      random,
      writer,
      tally,
      expireMs,
      timeoutMs,
      atOnce: kind === 'command' ? config.atOnce : 1,
      pause: (milliseconds) => this.#pause(milliseconds),
      signal: this.#ending.signal,
      failing,
    });
    const labels = kind === 'command' ? Object.keys(config.commands) : null;
    return { filter: new SinkFilter(when, labels), queue, writer };
  }

  #writerOf(name: string, config: SinkConfig, state: SinkState): SinkWriter {
    const { device, disk, http, run } = this.#options;
    const clientId = `nanofleet-${device}-sink.${name}`;
    switch (config.kind) {
      case 'mqtt': {
        const login = () => brokerLogin(config, clientId, disk);
        return makeMqttWriter({ ...this.#options, config, login, state });
      }
      case 'home-assistant': {
        const login = () => brokerLogin(config, clientId, disk);
        const house = new HomeAssistantWriter({ ...this.#options, config, login, state });
        this.#houses.push(house);
        return house;
      }
      case 'webhook':
        return makeWebhookWriter({ config, device, clock: this.#options.clock, disk, http });
      case 'command':
        return makeCommandWriter({ config, device, run });
    }
  }

  /** With a note of each message that takes what was said to another machine, before it leaves. */
  #noting(sink: string, config: SinkConfig, writer: SinkWriter): SinkWriter {
    const { slots, text } = config;
    if (config.kind === 'command' || !(slots || text) || isLoopbackUrl(config.url)) return writer;
    const { clock, device, leaving, policy } = this.#options;
    return {
      start: () => writer.start(),
      close: () => writer.close(),
      send: async (happening, signal) => {
        const bytes = Buffer.byteLength(JSON.stringify(messageOf(happening, { device, slots, text })));
        const at = Math.round(clock.unixMs());
        if (happening.type === 'decision')
          leaving({ at, what: 'sink', sink, decision: happening.id, bytes, redacted: {}, policy: policy() });
        await writer.send(happening, signal);
      },
    };
  }

  #note(name: string, error: NanofleetError | null): void {
    if (error === null) {
      if (this.#broken.delete(name)) this.#tellFailing();
      return;
    }
    const { code, message } = error;
    this.#options.log.warn('sink-failed', { sink: name, code, why: message.slice(0, 300) });
    this.#broken.set(name, new NanofleetError('SINK_FAILED', `sink ${name}: ${message}`));
    this.#tellFailing();
  }

  #tellFailing(): void {
    this.#options.failing([...this.#broken.values()][0] ?? null);
  }

  #pause(milliseconds: number): Promise<void> {
    return pauseUnlessAborted(this.#options.clock, milliseconds, this.#ending.signal);
  }
}
