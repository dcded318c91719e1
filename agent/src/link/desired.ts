/**
 * Whether a desired state counts: signed by the pinned controller, made for this device, not older than the last. Owns
 * the last one, on disk, so that lines and policy are known with no controller. Never trusts a bundle because of it.
 */

import {
  type Desired,
  type DesiredState,
  type DesiredTrust,
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
import type { TrustMemory } from '../store/trust.ts';

const refuse = (why: string): NanofleetError =>
  new NanofleetError('DESIRED_REFUSED', `a desired state was refused: ${why}`);

/**
 * The state in a signed message.
 * @throws NanofleetError DESIRED_REFUSED
 */
const verifyDesired = (
  { signed, signature, keyId }: Desired,
  { identity, trust }: { identity: Identity; trust: TrustMemory },
): DesiredState => {
  const keys = trust.controllerKeys.map((text) => Buffer.from(text, 'base64'));
  const key = keys.find((known) => fingerprintOf(known) === keyId);
  if (key === undefined) throw refuse(notTrusted(keyId));
  if (!isSignedBy(key, { bytes: Buffer.from(signed, 'utf8'), signature }))
    throw refuse('its signature is wrong');
  const parsed = desiredStateSchema.safeParse(parseJson(signed));
  if (!parsed.success) throw refuse(firstIssue(parsed.error));
  const { fleet, device } = parsed.data;
  if (fleet !== identity.fleet || device !== identity.device) throw refuse(`it is for ${fleet} ${device}`);
  return parsed.data;
};

const notTrusted = (keyId: string): string =>
  `it names key ${keyId.slice(0, 16)}…, which this device does not trust; if the fleet has rotated its key while the ` +
  'device was away, enrol it again under its name with a new fleet token';

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw refuse('it is not JSON');
  }
};

/** What it needs. */
export interface DesiredOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly identity: Identity;
  readonly trust: TrustMemory;
  /** Told when whom the device trusts has changed. */
  readonly trusted?: (trust: DesiredTrust) => void;
  readonly log: Log;
}

/** The last desired state that counted. */
export class DesiredMemory {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #known: { identity: Identity; trust: TrustMemory };
  readonly #trusted: (trust: DesiredTrust) => void;
  readonly #log: Log;
  #current: DesiredState | null = null;
  #isLost = false;

  constructor(options: DesiredOptions) {
    this.#disk = options.disk;
    this.#path = options.path;
    const { identity, trust } = options;
    this.#known = { identity, trust };
    this.#trusted = options.trusted ?? (() => undefined);
    this.#log = options.log;
    try {
      const stored = readJsonFile(options.disk, options.path, desiredSchema);
      if (stored !== null) this.#current = verifyDesired(stored, this.#known);
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
    const state = verifyDesired(message, this.#known);
    if (this.#current !== null && state.version <= this.#current.version) return null;
    // Before it counts as the last one: a device that could not keep it is told again at its next birth.
    if (state.trust !== undefined && this.#known.trust.take(state.trust)) this.#trusted(state.trust);
    this.#current = state;
    try {
      writeJsonFile(this.#disk, this.#path, message);
    } catch (thrown) {
      this.#log.warn('desired-not-written', { version: state.version, why: String(thrown) });
    }
    return state;
  }
}
