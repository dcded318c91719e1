/**
 * Signatures that were right: a device that has loaded nothing else sends the same one with each report, and a check takes
 * longer than all else that is done with a report. Bounded: at the bound the device not heard for longest is forgotten, which
 * costs another check. Pure but for what it remembers.
 */
import type { DeviceId } from '@nanofleet/protocol';
import { isSignedBy, sha256Of } from '@nanofleet/protocol/node';

/** 0.2 kB each. */
const DEVICES_MAX = 20_000;

/** The last right signature of each device. */
export class KnownSignatures {
  /** What was checked, in the order in which they were heard. */
  readonly #checked = new Map<DeviceId, string>();

  /** Like `isSignedBy`, for a text of a device. */
  isSignedBy(publicKey: Uint8Array, said: { device: DeviceId; signed: string; signature: string }): boolean {
    const { device, signature, signed } = said;
    const checked = sha256Of(JSON.stringify([Buffer.from(publicKey).toString('base64'), signature, signed]));
    const isKnown = this.#checked.get(device) === checked;
    if (!isKnown && !isSignedBy(publicKey, { bytes: Buffer.from(signed, 'utf8'), signature })) return false;
    this.#checked.delete(device);
    this.#checked.set(device, checked);
    const [oldest] = this.#checked.keys();
    if (this.#checked.size > DEVICES_MAX && oldest !== undefined) this.#checked.delete(oldest);
    return true;
  }
}
