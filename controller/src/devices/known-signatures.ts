/**
 * Signatures that were right: a device that has loaded nothing else sends the same one with each report, and a check takes two thirds
 * of the time in which a report is judged. Bounded: at the bound the device not heard for longest is forgotten, which costs
 * another check. Pure but for what it remembers.
 */
import type { DeviceId } from '@nanofleet/protocol';
import { isSignedBy, sha256Of } from '@nanofleet/protocol/node';

type Check = typeof isSignedBy;

const DEVICES_MAX = 20_000;

/** The last right signature of each device. */
export class KnownSignatures {
  readonly #check: Check;
  readonly #devicesMax: number;
  /** What was checked, in the order in which they were heard. */
  readonly #checked = new Map<DeviceId, string>();

  constructor({ check = isSignedBy, devicesMax = DEVICES_MAX }: { check?: Check; devicesMax?: number } = {}) {
    this.#check = check;
    this.#devicesMax = devicesMax;
  }

  /** `isSignedBy` for what a device says. */
  of(device: DeviceId): Check {
    return (publicKey, { bytes, signature }) => {
      const parts = [base64(publicKey), signature, base64(bytes)];
      const checked = sha256Of(JSON.stringify(parts));
      const isRight = this.#checked.get(device) === checked || this.#check(publicKey, { bytes, signature });
      if (isRight) this.#remember(device, checked);
      return isRight;
    };
  }

  #remember(device: DeviceId, checked: string): void {
    this.#checked.delete(device);
    this.#checked.set(device, checked);
    const [oldest] = this.#checked.keys();
    if (this.#checked.size > this.#devicesMax && oldest !== undefined) this.#checked.delete(oldest);
  }
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
