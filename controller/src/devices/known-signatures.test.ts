import { deviceIdSchema, parseId } from '@nanofleet/protocol';
import { generateSigningKey, type SigningKey, signBytes } from '@nanofleet/protocol/node';
import { describe, expect, it } from 'vitest';
import { KnownSignatures } from './known-signatures.ts';

const device = parseId(deviceIdSchema, 'kitchen');
const by = (key: SigningKey, signed: string) => ({
  ...{ device, signed, signature: signBytes(key, Buffer.from(signed)) },
});

describe('signatures that were right', () => {
  const [ours, theirs] = [generateSigningKey(), generateSigningKey()];
  const said = by(ours, 'one');

  it('are right again', () => {
    const known = new KnownSignatures();
    for (let times = 1; times <= 3; times += 1) expect(known.isSignedBy(ours.publicKey, said)).toBe(true);
  });

  it.each([
    ['another text', ours, { ...said, signed: 'two' }],
    ['another key', theirs, said],
    ['another signature', ours, { ...said, signature: by(theirs, 'one').signature }],
    ['a piece moved from one to the other', ours, { ...said, signed: 'on', signature: `e${said.signature}` }],
  ])('do not make %s right, before or after', (_what, { publicKey }, lie) => {
    const known = new KnownSignatures();
    expect(known.isSignedBy(publicKey, lie)).toBe(false);
    expect(known.isSignedBy(ours.publicKey, said)).toBe(true);
    expect(known.isSignedBy(publicKey, lie)).toBe(false);
    expect(known.isSignedBy(ours.publicKey, said)).toBe(true);
  });

  it('give way to what is signed next', () => {
    const known = new KnownSignatures();
    for (const text of ['one', 'two', 'one'])
      expect(known.isSignedBy(ours.publicKey, by(ours, text))).toBe(true);
  });
});
