/**
 * Whether a desired state counts: signed by the pinned controller, made for this device, not older than the last. Owns
 * the last one, on disk, so that lines and policy are known with no controller. Never trusts a bundle because of it.
 */

import {
  type Desired,
  type DesiredState,
  desiredSchema,
  desiredStateSchema,
  firstIssue,
  NanofleetError,
  type OffloadPolicy,
} from '@nanofleet/protocol';
import { fingerprintOf, isSignedBy } from '@nanofleet/protocol/node';
import type { Disk, Log } from '@nanofleet/runtime/ports';
import type { Identity } from '../store/identity.ts';
import { readJsonFile, writeJsonFile } from '../store/json-file.ts';

const refuse = (why: string): NanofleetError =>
  new NanofleetError('DESIRED_REFUSED', `a desired state was refused: ${why}`);

/**
 * The state in a signed message.
 * @throws NanofleetError DESIRED_REFUSED
 */
const verifyDesired = ({ signed, signature, keyId }: Desired, identity: Identity): DesiredState => {
  const key = Buffer.from(identity.controllerKey, 'base64');
  if (keyId !== fingerprintOf(key)) throw refuse(`it names key ${keyId.slice(0, 16)}…, which is not pinned`);
  if (!isSignedBy(key, { bytes: Buffer.from(signed, 'utf8'), signature }))
    throw refuse('its signature is wrong');
  const parsed = desiredStateSchema.safeParse(parseJson(signed));
  if (!parsed.success) throw refuse(firstIssue(parsed.error));
  const { fleet, device } = parsed.data;
  if (fleet !== identity.fleet || device !== identity.device) throw refuse(`it is for ${fleet} ${device}`);
  return parsed.data;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw refuse('it is not JSON');
  }
};

/** The last desired state that counted. */
export class DesiredMemory {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #identity: Identity;
  readonly #log: Log;
  #current: DesiredState | null = null;
  #isLost = false;

  constructor(options: { disk: Disk; path: string; identity: Identity; log: Log }) {
    this.#disk = options.disk;
    this.#path = options.path;
    this.#identity = options.identity;
    this.#log = options.log;
    try {
      const stored = readJsonFile(options.disk, options.path, desiredSchema);
      if (stored !== null) this.#current = verifyDesired(stored, options.identity);
    } catch (thrown) {
      this.#isLost = true;
      this.#log.warn('desired-not-read', { why: String(thrown) });
    }
  }

  /**
   * How far texts may travel. Before the first desired state the protocol's default counts; when the last one was lost
   * it may have said `none`, so nothing leaves until the controller says again.
   */
  get policy(): OffloadPolicy {
    return this.#current?.offload ?? (this.#isLost ? 'none' : 'mini');
  }

  /** The last one; null before the first. */
  get current(): DesiredState | null {
    return this.#current;
  }

  /**
   * Takes a message. Returns the new state, or null when it is one that is known or older.
   * @throws NanofleetError DESIRED_REFUSED
   */
  take(message: Desired): DesiredState | null {
    const state = verifyDesired(message, this.#identity);
    if (this.#current !== null && state.version <= this.#current.version) return null;
    this.#current = state;
    try {
      writeJsonFile(this.#disk, this.#path, message);
    } catch (thrown) {
      this.#log.warn('desired-not-written', { version: state.version, why: String(thrown) });
    }
    return state;
  }
}
