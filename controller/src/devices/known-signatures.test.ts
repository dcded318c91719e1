import { type DeviceId, deviceIdSchema, parseId } from '@nanofleet/protocol';
import { generateSigningKey, isSignedBy, type SigningKey, signBytes } from '@nanofleet/protocol/node';
import { describe, expect, it, vi } from 'vitest';
import { KnownSignatures } from './known-signatures.ts';

const named = (name: string): DeviceId => parseId(deviceIdSchema, name);
const device = named('kitchen');
const [ours, theirs] = [generateSigningKey(), generateSigningKey()];

const by = (key: SigningKey, text: string) => {
  const bytes = Buffer.from(text);
  return { bytes, signature: signBytes(key, bytes) };
};

/** With a count of its checks. */
const make = (devicesMax?: number) => {
  const check = vi.fn<typeof isSignedBy>(isSignedBy);
  const known = new KnownSignatures({ check, ...(devicesMax === undefined ? {} : { devicesMax }) });
  const isRight = (said: ReturnType<typeof by>, { publicKey } = ours, from = device): boolean =>
    known.of(from)(publicKey, said);
  return { check, isRight };
};

describe('signatures that were right', () => {
  const said = by(ours, 'one');

  it('are right again without a check', () => {
    const { check, isRight } = make();
    expect([isRight(said), isRight(said), isRight(said)]).toEqual([true, true, true]);
    expect(check).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['another text', ours, { ...said, bytes: Buffer.from('two') }],
    ['another key', theirs, said],
    ['another signature', ours, { ...said, signature: by(theirs, 'one').signature }],
    ['a piece moved over', ours, { bytes: Buffer.from('ne'), signature: `${said.signature}o` }],
  ])('do not make %s right, before or after', (_what, key, lie) => {
    const { isRight } = make();
    expect([isRight(lie, key), isRight(said)]).toEqual([false, true]);
    expect([isRight(lie, key), isRight(said)]).toEqual([false, true]);
  });

  it('give way to what is signed next', () => {
    const { check, isRight } = make();
    for (const text of ['one', 'two', 'two', 'one']) expect(isRight(by(ours, text))).toBe(true);
    expect(check).toHaveBeenCalledTimes(3);
  });

  it('are forgotten at the bound, those not heard for longest first', () => {
    const { check, isRight } = make(2);
    for (const name of ['one', 'two', 'one', 'three']) isRight(said, ours, named(name));
    expect(check).toHaveBeenCalledTimes(3);
    isRight(said, ours, named('one'));
    expect(check).toHaveBeenCalledTimes(3);
    isRight(said, ours, named('two'));
    expect(check).toHaveBeenCalledTimes(4);
  });
});
