/**
 * Home Assistant as a sink, by way of its broker: announces the device, says whether it is there, keeps its sensors up to
 * date, tells its events, hears its buttons. Owns what was announced and the last state of each line; no entity's form.
 */
import { BUTTON_PRESS_MS, HOME_ASSISTANT_REPEAT_MS, type LineId, NanofleetError } from '@nanofleet/protocol';
import type { Connection, ConnectOptions } from '@nanofleet/runtime/ports';
import { BrokerSession, type BrokerSessionOptions } from '../brokers/broker-session.ts';
import { type Happening, messageOf } from './happening.ts';
import {
  type ButtonKind,
  type Component,
  componentsOf,
  type DiscoveredDevice,
  discoveryOf,
  eventTypeOf,
  type LineShape,
  topicsOf,
} from './home-assistant-discovery.ts';
import type { SinkOf } from './sink-config.ts';
import type { SinkState, SinkWriter } from './sink-writer.ts';

/** What buttons do, and what entities are made of. */
export interface HouseControls {
  readonly fleet: string;
  readonly agentVersion: string;
  /** Lines that run now. */
  readonly lines: () => readonly LineShape[];
  /** Ends the window and the events under way. */
  readonly beginWindow: (line: LineId) => Promise<void>;
  readonly forgetExamples: () => void;
}

/** What a writer to Home Assistant needs. */
export interface HomeAssistantWriterOptions
  extends Pick<BrokerSessionOptions, 'clock' | 'random' | 'transport'> {
  readonly config: SinkOf<'home-assistant'>;
  readonly device: string;
  readonly controls: HouseControls;
  readonly login: () => ConnectOptions;
  readonly state: SinkState;
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const KEPT = { qos: 1, isRetained: true } as const;
const PASSING = { qos: 1, isRetained: false } as const;

/** A sink that is also told when lines change. */
export class HomeAssistantWriter implements SinkWriter {
  readonly #options: HomeAssistantWriterOptions;
  readonly #device: DiscoveredDevice;
  readonly #session: BrokerSession;
  readonly #states = new Map<string, Buffer>();
  readonly #active = new Map<string, Set<string>>();
  /** Platforms of the entities that were announced, by their ids. */
  #announced = new Map<string, string>();
  readonly #pressedMicros = new Map<string, number>();

  constructor(options: HomeAssistantWriterOptions) {
    this.#options = options;
    const { config, controls, device, state, login } = options;
    const { fleet, agentVersion } = controls;
    const { topicPrefix, discoveryPrefix, buttons } = config;
    this.#device = { fleet, device, agentVersion, topicPrefix, discoveryPrefix, buttons };
    const topics = topicsOf(this.#device);
    this.#session = new BrokerSession({
      ...options,
      // Whoever comes later has to see it, too.
      login: () => ({
        ...login(),
        will: { topic: topics.availability, payload: Buffer.from('offline'), isRetained: true },
      }),
      filters: [topics.status, `${topicPrefix}/${device}/press/+`, `${topicPrefix}/${device}/+/press/+`],
      opened: async (connection) => {
        await this.#announce(connection);
        state.opened();
      },
      received: (topic, payload, given) => this.#hear(topic, payload, given),
      failed: (error) => state.failed(error),
    });
  }

  start(): void {
    this.#session.start();
  }

  async send(happening: Happening, signal: AbortSignal): Promise<void> {
    const topics = topicsOf(this.#device);
    const { line, label } = happening;
    const message = messageOf(happening, { ...this.#options.config, device: this.#options.device });
    const phase = happening.type === 'event' ? happening.phase : null;
    const state = json({ ...message, ...(phase === null ? {} : { active: this.#isActive(happening) }) });
    await this.#session.publish(topics.state(line), state, { ...PASSING, signal });
    this.#states.set(line, state);
    const event = json({ event_type: eventTypeOf(label, phase), ...message });
    await this.#session.publish(topics.event(line), event, { ...PASSING, signal });
  }

  /** Other lines run, or other versions of them. */
  linesChanged(): void {
    this.#session.whenOpen((connection) => this.#announce(connection));
  }

  /** Says goodbye. */
  close(): Promise<void> {
    const { availability } = topicsOf(this.#device);
    return this.#session.close((connection) =>
      connection.publish(availability, Buffer.from('offline'), KEPT),
    );
  }

  #isActive({ line, ...happening }: Happening): boolean {
    const active = this.#active.get(line) ?? new Set();
    this.#active.set(line, active);
    if (happening.type === 'event' && happening.phase === 'start') active.add(happening.id);
    else active.delete(happening.id);
    return active.size > 0;
  }

  #components(): Record<string, Component> {
    const { labels } = this.#options.config.when;
    const shapes = this.#options.controls.lines().map((shape) => ({
      ...shape,
      labels: labels === undefined ? shape.labels : shape.labels.filter((label) => labels.includes(label)),
    }));
    return componentsOf(this.#device, shapes);
  }

  async #announce(connection: Connection): Promise<void> {
    const topics = topicsOf(this.#device);
    const components = this.#components();
    const gone = new Map([...this.#announced].filter(([id]) => !Object.hasOwn(components, id)));
    await connection.publish(topics.config, json(discoveryOf(this.#device, components, gone)), KEPT);
    this.#announced = new Map(Object.entries(components).map(([id, { platform }]) => [id, platform]));
    await connection.publish(topics.availability, Buffer.from('online'), KEPT);
    for (const [line, state] of this.#states) await connection.publish(topics.state(line), state, PASSING);
  }

  #hear(topic: string, payload: Uint8Array, { isRetained }: { isRetained: boolean }): void {
    // What a broker kept was said before: a press would be done again at each connection.
    if (isRetained) return;
    const text = Buffer.from(payload).toString('utf8');
    const { clock, random, controls, config } = this.#options;
    const topics = topicsOf(this.#device);
    if (topic === topics.status) {
      // Not all devices of a house at once.
      const repeat = (): void => this.#session.whenOpen((connection) => this.#announce(connection));
      if (text === 'online') clock.after(Math.floor(random.share() * HOME_ASSISTANT_REPEAT_MS), repeat);
      return;
    }
    if (text !== 'PRESS') return;
    const isPressed = (button: ButtonKind, line: string | null): boolean =>
      config.buttons.includes(button) && topic === topics.press(button, line) && this.#mayPress(topic);
    if (isPressed('forget-examples', null)) controls.forgetExamples();
    for (const { line, task } of controls.lines())
      if (task === 'sensor-event' && isPressed('new-window', line)) this.#beginWindow(line);
  }

  #beginWindow(line: LineId): void {
    const { controls, state } = this.#options;
    controls.beginWindow(line).catch((cause: unknown) => {
      state.failed(new NanofleetError('SINK_FAILED', `line ${line} begins no new window`, { cause }));
    });
  }

  /** Whoever may publish may press: at most so often. */
  #mayPress(topic: string): boolean {
    const now = this.#options.clock.monotonicMicros();
    const before = this.#pressedMicros.get(topic) ?? Number.NEGATIVE_INFINITY;
    if (now - before < BUTTON_PRESS_MS * 1_000) return false;
    this.#pressedMicros.set(topic, now);
    return true;
  }
}
