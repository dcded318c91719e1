/** Signs what the lines run with the device's key, for a report. Owns the words; what runs is the slots', the key the rim's. */
import type { Attestation, AttestedState, LineId, Reported } from '@nanofleet/protocol';
import { type SigningKey, signBytes } from '@nanofleet/protocol/node';

/** Whose word it is. */
export interface AttestationFacts extends Pick<AttestedState, 'fleet' | 'device' | 'boot'> {
  readonly key: SigningKey;
}

/** A report's lines under the device's key. */
export const attest = (
  { instance, lines, session }: Pick<Reported, 'instance' | 'lines' | 'session'>,
  { boot, device, fleet, key }: AttestationFacts,
): Attestation => {
  const states: AttestedState['lines'] = {};
  for (const [line, { committed = null, running }] of Object.entries(lines))
    states[line as LineId] = { loaded: running?.digest ?? null, committed };
  const state: AttestedState = {
    ...{ is: 'line-state-1', fleet, device, session, instance, boot },
    lines: states,
  };
  const signed = JSON.stringify(state);
  return { signed, signature: signBytes(key, Buffer.from(signed, 'utf8')) };
};
