// A bundle as one file: what was written comes back, and nothing that was changed, cut off or signed by somebody else does.
import { readFileSync } from 'node:fs';
import { parseManifest } from '@nanofleet/protocol';
import { generateSigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import { expect, it } from 'vitest';
import { decodeBundleFile, encodeBundleFile } from './bundle-file.ts';

const from = (name: string) => readFileSync(new URL(`../../bundles/household-1/${name}`, import.meta.url));
const publisher = generateSigningKey();
const manifestBytes = from('manifest.json');
const whole = {
  digest: sha256Of(manifestBytes),
  manifestBytes,
  signature: Buffer.from(signManifest(publisher, manifestBytes)).toString('utf8'),
  files: new Map(parseManifest(manifestBytes).files.map(({ name, sha256 }) => [sha256, from(name)])),
};
const file = encodeBundleFile(whole);
const read = (bytes: Buffer, key = publisher) => decodeBundleFile(bytes, [key.fingerprint]);

it('comes back as it was', () => {
  const { digest, files, manifest, signature } = read(file);
  expect([digest, signature, manifest.line]).toEqual([
    whole.digest,
    whole.signature,
    parseManifest(manifestBytes).line,
  ]);
  for (const [name, bytes] of whole.files)
    expect(bytes.equals(files.get(name) ?? Buffer.alloc(0))).toBe(true);
});

it('is refused when another publisher has signed it', () => {
  expect(() => read(file, generateSigningKey())).toThrowError(
    expect.objectContaining({ code: 'SIGNATURE_KEY_FOREIGN' }),
  );
});

it.each([
  ['cut off', () => file.subarray(0, file.length - 1), 'DIGEST_MISMATCH'],
  ['longer than it says', () => Buffer.concat([file, Buffer.from('x')]), 'BUNDLE_FILE_MISSING'],
  ['changed in its files', () => changed(file.length - 3), 'DIGEST_MISMATCH'],
  ['something else', () => Buffer.from('{}\n{}\n'), 'BUNDLE_FILE_MISSING'],
  [
    'without one of its files',
    () => encodeBundleFile({ ...whole, files: new Map([...whole.files].slice(1)) }),
    'BUNDLE_FILE_MISSING',
  ],
  [
    'of another manifest',
    () => encodeBundleFile({ ...whole, manifestBytes: Buffer.from(`${manifestBytes.toString()} `) }),
    'SIGNATURE_WRONG',
  ],
])('that is %s is refused', (_title, bytes, code) => {
  expect(() => read(bytes())).toThrowError(expect.objectContaining({ code }));
});

const changed = (at: number): Buffer => {
  const bytes = Buffer.from(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
};
