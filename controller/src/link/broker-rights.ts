/**
 * What the controller needs of a broker beside messages: that each device has its own topics and nothing else there.
 * The embedded broker asks the database at each login; mosquitto is told; any other broker is somebody else's duty.
 * Owns the port and its empty form.
 */
import type { DeviceId, Digest } from '@nanofleet/protocol';
import type { Log } from '@nanofleet/runtime/ports';
import { factsOf } from '../ports/log.ts';

/** What opens a broker for a device. */
export interface DeviceAccess {
  readonly credential: string;
  /** SHA-256 of the public key of its certificates; null without any. */
  readonly tlsKey: Digest | null;
}

/** Rights of devices at a broker. */
export interface BrokerRights {
  /**
   * Lets a device in with its credential or certificate, to its own topics; ends what it had before.
   * @throws NanofleetError BROKER_UNAVAILABLE
   */
  grant(device: DeviceId, access: DeviceAccess): Promise<void>;
  /**
   * Ends session and rights of a device.
   * @throws NanofleetError BROKER_UNAVAILABLE; they end when the broker is back
   */
  revoke(device: DeviceId): Promise<void>;
  /** Ends the session of a device; it may come again. */
  drop(device: DeviceId): void;
  /** Devices that the broker would let in without asking. */
  granted(): Promise<DeviceId[]>;
  /** Calls `act` whenever the broker is there, or there again after a loss: it may have lost or kept too much. */
  onReady(act: () => void): void;
}

/** Rights that somebody else keeps: the controller cannot end a session, and says so. */
export class ForeignRights implements BrokerRights {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Nothing: the operator has said that rights are external. */
  grant(): Promise<void> {
    return Promise.resolve();
  }

  /** The database refuses the device from now on; its session is the broker's own affair. */
  revoke(device: DeviceId): Promise<void> {
    this.#log.warn('take the rights of this revoked device at the broker', { device });
    return Promise.resolve();
  }

  /** It has no means. */
  drop(device: DeviceId): void {
    this.#log.warn('a session could not be ended at a broker with external rights', { device });
  }

  /** None that the controller could name. */
  granted(): Promise<DeviceId[]> {
    return Promise.resolve([]);
  }

  /** Nothing to do then. */
  onReady(): void {}
}

/** Runs work that nobody waits for, and logs its failure. */
export const inBackground = (log: Log, work: Promise<unknown>, failure: string): void => {
  work.catch((thrown: unknown) => log.warn(failure, factsOf(thrown)));
};
