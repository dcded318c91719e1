// A device of the crash stories of a controller: the real agent over real MQTT and HTTP on a simulated disk, which outlives the
// controller. Keeps what it was told and what it has called durable; never judges.
import { Agent, type Identity, portsFor } from '@nanofleet/agent';
import { type Enrolment, enrolDevice } from '@nanofleet/controller/testing';
import { lineIdSchema, type Uuid } from '@nanofleet/protocol';
import { fingerprintOf, generateSigningKey, type SigningKey } from '@nanofleet/protocol/node';
import { trainHead } from '@nanofleet/runtime/node';
import { silentLog } from '@nanofleet/runtime/ports';
import { MemoryDisk } from '@nanofleet/runtime/testing';
import { blind, load } from './crash-device.ts';

/** The line of all stories. */
export const LINE = lineIdSchema.parse('intent');
const BEAT_MS = 1_000;
/** A version that nobody asks anything is committed when this is over. */
const PROBATION = { leastMs: 100, mostMs: 200, inputs: 0 };

/** Where its controller and its broker are. */
export interface Addresses {
  readonly controllerUrl: string;
  readonly brokerUrl: string;
}

/** What is left of a device that was switched off. */
export interface HomeState {
  readonly identity: Identity;
  readonly key: SigningKey;
  readonly disk: MemoryDisk;
}

/** A device. */
export class Home {
  readonly agent: Agent;
  /** Ids of decisions whose records it has called durable. */
  readonly durable: string[] = [];
  readonly #state: HomeState;

  constructor(state: HomeState, addresses: Addresses) {
    this.#state = state;
    const identity = { ...state.identity, ...addresses };
    const real = portsFor(identity, { deviceKey: state.key });
    this.agent = new Agent(
      { directory: '/state', identity, beatMs: BEAT_MS, probation: PROBATION },
      {
        ...real,
        ...{ disk: state.disk, log: silentLog, load, acceptance: blind },
        trainer: {
          train: (training, signal) =>
            trainHead(training, { monotonicMicros: () => 0, breathe: () => Promise.resolve(), signal }),
        },
      },
    );
  }

  /** What an enrolment under a key makes of a device. */
  static stateOf(enrolment: Enrolment, key: SigningKey): HomeState {
    const { controllerKey, credential, device, fleet, group, publisherKeys } = enrolment;
    const publisherFingerprints = publisherKeys.map((raw) => fingerprintOf(Buffer.from(raw, 'base64')));
    const nowhere = { brokerUrl: 'mqtt://127.0.0.1:1', controllerUrl: 'http://127.0.0.1:1' };
    const own = { fleet, device, group, credential, controllerKey, publisherFingerprints };
    return { identity: { ...own, ...nowhere }, key, disk: new MemoryDisk() };
  }

  /** Enrols a new device. */
  static async enrolled(url: string, given: { name: string; token: { id: string; secret: string } }) {
    const key = generateSigningKey();
    return Home.stateOf(await enrolDevice(url, { ...given, key }), key);
  }

  /** Its name. */
  get name(): string {
    return this.#state.identity.device;
  }

  /** What its line does. */
  get line() {
    return this.agent.status().lines[LINE];
  }

  /** Loads and connects. */
  async start(): Promise<void> {
    await this.agent.load();
    this.agent.start();
  }

  /** Asks for a decision that must not be lost. */
  async decide(text: string): Promise<Uuid> {
    const { id } = await this.agent.decide(text, { durable: true });
    this.durable.push(id);
    return id;
  }

  /** Switches it off; what it can be switched on with again, any number of times. */
  async end(): Promise<HomeState> {
    await this.agent.close();
    return this.#state;
  }

  /** A device with the same past. */
  static copyOf({ disk, ...state }: HomeState): HomeState {
    return { ...state, disk: disk.afterKill() };
  }
}
