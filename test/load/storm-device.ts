// One of thousands of devices in a process: the agent's own link, outbox and desired state over mqtt.js and TLS with a
// certificate of its own, on a disk in memory, without a model. Counts what it is told and how often.
import {
  DesiredMemory,
  type Identity,
  Link,
  makeInbox,
  OutboundLog,
  Outbox,
  OutboxPump,
  SessionCounter,
  systemClock,
  TrustMemory,
} from '@nanofleet/agent';
import type { DesiredState } from '@nanofleet/protocol';
import { makeMqttTransport } from '@nanofleet/runtime/mqtt';
import { type Random, randomHex, silentLog, type TlsIdentity } from '@nanofleet/runtime/ports';
import { MemoryDisk } from '@nanofleet/runtime/testing';

const BEAT_MS = 300_000;

/** What an enrolment gave. */
export interface StormIdentity {
  readonly identity: Identity;
  readonly tls: TlsIdentity;
}

/** A device. */
export class StormDevice {
  readonly #outbox: Outbox;
  readonly #link: Link;
  readonly #desired: DesiredMemory;
  /** How often each version took effect. */
  readonly #applied = new Map<DesiredState['version'], number>();

  constructor({ identity, tls }: StormIdentity, random: Random) {
    const instance = randomHex(random, 8);
    const [clock, log, disk] = [systemClock, silentLog, new MemoryDisk()];
    const steadyMs = (): number => clock.unixMs();
    disk.makeDirectory('/state');
    this.#outbox = new Outbox({ directory: '/state/outbox', disk, clock, random, log, steadyMs });
    const trust = new TrustMemory({ disk, directory: '/state', identity, log });
    this.#desired = new DesiredMemory({ disk, path: '/state/desired.json', identity, trust, log });
    const outbound = new OutboundLog(disk, '/state/outbound.log', log);
    const policy = () => this.#desired.policy;
    const pump = new OutboxPump({ clock, log, identity, outbox: this.#outbox, outbound, policy, steadyMs });
    const own = { instance, desiredVersion: () => this.#desired.current?.version ?? 0 };
    const nothing = (): void => undefined;
    this.#link = new Link({
      ...{ clock, random, log, identity, pump, instance, beatMs: BEAT_MS, tls: () => tls },
      transport: makeMqttTransport(),
      sessions: new SessionCounter(disk, '/state/session.json', log),
      birth: (session) => ({
        ...{ session, instance, agentVersion: 'storm', engine: { name: 'none', version: '0' }, lines: {} },
        ...{ host: { arch: 'x64', node: '20', memoryBytes: 1 }, awaiting: [] },
        desiredVersion: own.desiredVersion(),
      }),
      reported: (session) => ({
        ...{ session, instance, lines: {}, problems: [], desiredVersion: own.desiredVersion() },
      }),
      connected: nothing,
      identityInUse: nothing,
      received: makeInbox({
        ...{ device: identity.device, log, dropped: nothing },
        handlers: {
          birth: (body, options) => this.#link.bornElsewhere(body, options),
          desired: (body) => this.#follow(body),
          ack: (body) => {
            if (this.#outbox.acknowledge(body) > 0) pump.heard();
          },
          ...{ offload: nothing, job: nothing, roundPlan: nothing, roundResult: nothing, tokens: nothing },
          ...{ blob: nothing, blobRefused: nothing },
        },
      }),
    });
    this.#wake = () => {
      pump.wake();
      pump.checkSilence();
    };
  }

  readonly #wake: () => void;

  get isConnected(): boolean {
    return this.#link.state === 'connected';
  }

  /** Events that the controller has not acknowledged. */
  get waiting(): number {
    return this.#outbox.waiting;
  }

  get version(): number {
    return this.#desired.current?.version ?? 0;
  }

  /** Versions that took effect more than once. */
  get appliedTwice(): number {
    return [...this.#applied.values()].filter((times) => times > 1).length;
  }

  start(): void {
    this.#link.start();
  }

  /** Records an event. */
  append(event: object): void {
    this.#outbox.append('event', JSON.stringify(event));
    this.#wake();
  }

  /** What the agent does at each beat. */
  tick(): void {
    this.#wake();
  }

  #follow(message: Parameters<DesiredMemory['take']>[0]): void {
    const state = this.#desired.take(message);
    if (state === null) return;
    this.#applied.set(state.version, (this.#applied.get(state.version) ?? 0) + 1);
    this.#link.reportChanged();
  }
}
