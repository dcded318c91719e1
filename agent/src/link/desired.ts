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
  type ErrorCode,
  firstIssue,
  NanofleetError,
  type OffloadPolicy,
} from '@nanofleet/protocol';
import { fingerprintOf, isSignedBy } from '@nanofleet/protocol/node';
import type { Disk, Log } from '@nanofleet/runtime/ports';
import type { Identity } from '../store/identity.ts';
import { readJsonFile, writeJsonFile } from '../store/json-file.ts';
import type { TrustMemory } from '../store/trust.ts';

type RefusalCode = Extract<ErrorCode, `DESIRED_${string}`>;

const refuse = (why: string, code: RefusalCode = 'DESIRED_REFUSED'): NanofleetError =>
  new NanofleetError(code, `a desired state was refused: ${why}`);

/**
 * The state in a signed message.
 * @throws NanofleetError DESIRED_REFUSED, DESIRED_FLEET_WRONG, DESIRED_DEVICE_WRONG
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
  if (fleet !== identity.fleet) throw refuse(`it is for fleet ${fleet}`, 'DESIRED_FLEET_WRONG');
  if (device !== identity.device) throw refuse(`it is for ${device}`, 'DESIRED_DEVICE_WRONG');
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
   * Takes a message. Returns the new state, or null when it is the one that is known: brokers send it again.
   * @throws NanofleetError DESIRED_REFUSED, DESIRED_FLEET_WRONG, DESIRED_DEVICE_WRONG; DESIRED_REPLAYED for an older one
   */
  take(message: Desired): DesiredState | null {
    const state = verifyDesired(message, this.#known);
    const known = this.#current?.version ?? 0;
    if (this.#current !== null && state.version === known) return null;
    if (state.version < known)
      throw refuse(`it is version ${state.version}; version ${known} was taken already`, 'DESIRED_REPLAYED');
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
