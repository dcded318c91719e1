import {
  type AttestedState,
  attestedStateSchema,
  deviceIdSchema,
  digestSchema,
  fleetIdSchema,
  lineIdSchema,
  parseId,
  type Reported,
} from '@nanofleet/protocol';
import { generateSigningKey, type SigningKey, signBytes } from '@nanofleet/protocol/node';
import { describe, expect, it } from 'vitest';
import { attestedLines } from './attestation.plan.ts';

const key = generateSigningKey();
const fleet = parseId(fleetIdSchema, 'home');
const device = parseId(deviceIdSchema, 'kitchen');
const owner = { fleet, device, publicKey: Buffer.from(key.publicKey).toString('base64') };
const line = parseId(lineIdSchema, 'intent');
const one = parseId(digestSchema, '1'.repeat(64));
const two = parseId(digestSchema, '2'.repeat(64));
const instance = '0123456789abcdef';

const state: AttestedState = {
  ...{ is: 'line-state-1', fleet, device, session: 7, instance, boot: null },
  lines: { [line]: { loaded: two, committed: one } },
};
const report: Reported = {
  ...{ session: 7, instance, desiredVersion: 1, problems: [] },
  lines: {
    [line]: {
      ...{ running: { version: '2', releaseCounter: 2, digest: two }, step: 'probation', committed: one },
      attested: true,
    },
  },
};
const under = (signed: string, by: SigningKey = key): Reported => ({
  ...report,
  attestation: { signed, signature: signBytes(by, Buffer.from(signed)) },
});
const signed = (change: object = {}, by: SigningKey = key): Reported =>
  under(JSON.stringify({ ...state, ...change }), by);

describe('a report of what runs', () => {
  it('is attested when the key of the enrolment has signed the same', () => {
    expect(attestedStateSchema.parse(state)).toEqual(state);
    expect(attestedLines(signed(), owner)[line]).toMatchObject({ attested: true, committed: one });
  });

  it('is not attested without a signature, whatever it says of itself', () => {
    expect(attestedLines(report, owner)[line]).toMatchObject({ attested: false });
  });

  it.each([
    ['another key has signed it', signed({}, generateSigningKey())],
    ['it was signed for another device', signed({ device: 'cellar' })],
    ['it was signed for another fleet', signed({ fleet: 'office' })],
    ['it is of another session', signed({ session: 6 })],
    ['it is of another process', signed({ instance: 'f'.repeat(16) })],
    ['it says that something else serves', signed({ lines: { [line]: { loaded: one, committed: one } } })],
    [
      'it says that something else is committed',
      signed({ lines: { [line]: { loaded: two, committed: two } } }),
    ],
    ['it leaves a line out', signed({ lines: {} })],
    ['it names one more line', signed({ lines: { ...state.lines, other: { loaded: one, committed: one } } })],
    ['it was signed as something else', signed({ is: 'enrolment' })],
    ['what was signed is not JSON', under('{')],
    [
      'its signature is changed',
      { ...signed(), attestation: { signed: '{}', signature: signBytes(key, Buffer.from('x')) } },
    ],
  ])('is refused when %s', (_what, lie) => {
    expect(() => attestedLines(lie, owner)).toThrow(expect.objectContaining({ code: 'REPORT_FORGED' }));
  });
});
