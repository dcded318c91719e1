/**
 * Rights of devices at a mosquitto that takes certificates: one client of its dynamic-security plugin per device and key,
 * without a password, for the certificate has said who it is. Without that client a certificate opens nothing, and taking
 * it ends the session at once. Never makes a certificate.
 */
import { assert, type DeviceId, type FleetId, toNanofleetError } from '@nanofleet/protocol';
import type { Log } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import { type BrokerRights, type DeviceAccess, inBackground } from './broker-rights.ts';
import { controllerUserOf, deviceOfUser, deviceUserOf } from './certificate-names.ts';
import type { DynamicSecurity } from './dynamic-security.ts';
import {
  certificateGrant,
  certificateRevocation,
  controllerGrant,
  interruptionOf,
  roleFor,
  STRICT_DEFAULTS,
} from './rights.plan.ts';

const clientsSchema = z.object({ clients: z.array(z.string()) });
const roleSchema = z.object({
  role: z.object({ acls: z.array(z.object({ acltype: z.string(), topic: z.string() })) }),
});

/** The rights at such a mosquitto. */
export class CertificateRights implements BrokerRights {
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
   * Connects as the administrator and makes the controllers' own client.
   * @throws NanofleetError BROKER_UNAVAILABLE, BROKER_RIGHTS_UNMANAGED
   */
  static async open(
    control: DynamicSecurity,
    options: { fleet: FleetId; log: Log },
  ): Promise<CertificateRights> {
    await control.open();
    const rights = new CertificateRights(control, options);
    await control.run(STRICT_DEFAULTS);
    const { fleet } = options;
    const username = controllerUserOf(fleet, 'link');
    // Making it again would end the sessions of all controllers.
    if (!(await rights.#users()).includes(username)) await control.run(controllerGrant(fleet, { username }));
    return rights;
  }

  /** Makes role and client anew, and takes the clients of other keys of this device. */
  async grant(device: DeviceId, { tlsKey }: DeviceAccess): Promise<void> {
    const before = await this.#usersOf(device);
    const username = tlsKey === null ? null : deviceUserOf(this.#fleet, device, tlsKey);
    // Making it again would end the session of a device that has asked twice.
    if (before.length === 1 && before[0] === username && (await this.#hasRole(device))) return;
    const commands =
      username === null
        ? certificateRevocation(this.#fleet, device, before)
        : certificateGrant(this.#fleet, device, { before, username });
    await this.#control.run(commands);
  }

  /** Takes role and clients. */
  async revoke(device: DeviceId): Promise<void> {
    await this.#control.run(certificateRevocation(this.#fleet, device, await this.#usersOf(device)));
  }

  /** Disables and enables again; a device that sends much while that happens is not dropped for each message. */
  drop(device: DeviceId): void {
    if (this.#dropping.has(device)) return;
    this.#dropping.add(device);
    const work = this.#usersOf(device)
      .then((users) => this.#control.run(users.flatMap(interruptionOf)))
      .finally(() => this.#dropping.delete(device));
    inBackground(this.#log, work, 'a session could not be ended');
  }

  /** Devices that have a client there. */
  async granted(): Promise<DeviceId[]> {
    const devices = (await this.#users()).map((user) => deviceOfUser(this.#fleet, user));
    return [...new Set(devices.filter((device) => device !== null))];
  }

  /** After each connection of the administrator. */
  onReady(act: () => void): void {
    this.#control.onReady(act);
  }

  /** Ends the administrator's connection. */
  close(): Promise<void> {
    return this.#control.close();
  }

  /** Whether the role of a device is there, and says what this release says. */
  async #hasRole(device: DeviceId): Promise<boolean> {
    const { acls, rolename } = roleFor(this.#fleet, device);
    const answers = await this.#control.run([{ command: 'getRole', rolename }]).catch((thrown: unknown) => {
      // Refused because it is not there; when the broker has gone, the next command says so.
      assert(toNanofleetError(thrown).code === 'BROKER_UNAVAILABLE', 'commands fail in one way');
      return [];
    });
    const found = roleSchema.safeParse(answers[0]?.data);
    const wanted = acls.map(({ acltype, topic }) => `${acltype} ${topic}`).sort();
    return (
      found.success &&
      found.data.role.acls
        .map(({ acltype, topic }) => `${acltype} ${topic}`)
        .sort()
        .join() === wanted.join()
    );
  }

  async #usersOf(device: DeviceId): Promise<string[]> {
    return (await this.#users()).filter((user) => deviceOfUser(this.#fleet, user) === device);
  }

  async #users(): Promise<string[]> {
    const [answer] = await this.#control.run([{ command: 'listClients', count: -1, offset: 0 }]);
    return clientsSchema.parse(answer?.data).clients;
  }
}
