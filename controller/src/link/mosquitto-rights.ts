/**
 * Rights of devices at a mosquitto: told to its dynamic-security plugin when a device gets its credential, taken when
 * it is revoked. Also makes the controllers' own client there. Keeps no credential: what the broker has lost, a device
 * brings again.
 */
import { createHmac } from 'node:crypto';
import { assert, controllerNameOf, type DeviceId, type FleetId, toNanofleetError } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import type { Log } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import type { BrokerSettings } from '../ports/settings.ts';
import { type BrokerRights, type DeviceAccess, inBackground } from './broker-rights.ts';
import type { DynamicSecurity } from './dynamic-security.ts';
import {
  controllerGrant,
  devicesAmong,
  grant,
  interruption,
  revocation,
  STRICT_DEFAULTS,
} from './rights.plan.ts';

const MARK_DIGITS = 16;

const clientsSchema = z.object({ clients: z.array(z.string()) });
const clientSchema = z.object({ client: z.looseObject({ textdescription: z.string().optional() }) });

/** User name and password of one client at a broker. */
export interface BrokerLogin {
  readonly username: string;
  readonly password: string;
}

/**
 * The password of the controllers' own client: all controllers of a fleet have the same without telling each other,
 * because all were given the administrator's.
 */
const controllerPassword = (broker: BrokerSettings, fleet: FleetId): string =>
  createHmac('sha256', broker.password).update(`nanofleet controllers of ${fleet}`).digest('base64url');

/** The rights at a mosquitto. */
export class MosquittoRights implements BrokerRights {
  readonly #control: DynamicSecurity;
  readonly #fleet: FleetId;
  readonly #log: Log;
  readonly #dropping = new Set<DeviceId>();

  private constructor(control: DynamicSecurity, options: { fleet: FleetId; log: Log }) {
    this.#control = control;
    this.#fleet = options.fleet;
    this.#log = options.log;
  }

  /**
   * Connects as the administrator and makes the controllers' client.
   * @throws NanofleetError BROKER_UNAVAILABLE, BROKER_RIGHTS_UNMANAGED
   */
  static async open(
    control: DynamicSecurity,
    options: { fleet: FleetId; log: Log; broker: BrokerSettings },
  ): Promise<{ rights: MosquittoRights; login: BrokerLogin }> {
    await control.open();
    const { broker, fleet } = options;
    const login = { username: controllerNameOf(fleet), password: controllerPassword(broker, fleet) };
    await provideController(control, fleet, login.password);
    return { rights: new MosquittoRights(control, options), login };
  }

  /** Makes role and client anew, in one message. */
  async grant(device: DeviceId, { credential }: DeviceAccess): Promise<void> {
    await this.#control.run(grant(this.#fleet, device, credential));
  }

  /** Takes client and role. */
  async revoke(device: DeviceId): Promise<void> {
    await this.#control.run(revocation(this.#fleet, device));
  }

  /** Disables and enables again; a device that sends much while that happens is not dropped for each message. */
  drop(device: DeviceId): void {
    if (this.#dropping.has(device)) return;
    this.#dropping.add(device);
    const done = (): void => void this.#dropping.delete(device);
    const work = this.#control.run(interruption(this.#fleet, device)).finally(done);
    inBackground(this.#log, work, 'a session could not be ended');
  }

  /** Devices that have a client there. */
  async granted(): Promise<DeviceId[]> {
    const [answer] = await this.#control.run([{ command: 'listClients', count: -1, offset: 0 }]);
    return devicesAmong(this.#fleet, clientsSchema.parse(answer?.data).clients);
  }

  /** After each connection of the administrator. */
  onReady(act: () => void): void {
    this.#control.onReady(act);
  }

  /** Ends the administrator's connection. */
  close(): Promise<void> {
    return this.#control.close();
  }
}

/** Makes the client unless it is there with this password: making it again would end the sessions of all controllers. */
const provideController = async (
  control: DynamicSecurity,
  fleet: FleetId,
  password: string,
): Promise<void> => {
  await control.run(STRICT_DEFAULTS);
  const mark = sha256Of(password).slice(0, MARK_DIGITS);
  if ((await markOf(control, fleet)) === mark) return;
  await control.run(controllerGrant(fleet, { username: controllerNameOf(fleet), login: { mark, password } }));
};

const markOf = async (control: DynamicSecurity, fleet: FleetId): Promise<string | undefined> => {
  const username = controllerNameOf(fleet);
  const answers = await control.run([{ command: 'getClient', username }]).catch((thrown: unknown) => {
    // Refused because it is not there; when the broker has gone, the next command says so.
    assert(toNanofleetError(thrown).code === 'BROKER_UNAVAILABLE', 'commands fail in one way');
    return [];
  });
  return answers[0] === undefined ? undefined : clientSchema.parse(answers[0].data).client.textdescription;
};
