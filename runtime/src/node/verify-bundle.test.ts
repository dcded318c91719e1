// Behaviour of verification: nothing but the signed bytes passes, and each refusal has the code of its reason.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NanofleetError, RUNTIME_VERSION } from '@nanofleet/protocol';
import { generateSigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type TinyBundle, tinyTextBundle } from '../testing/tiny-bundle.ts';
import { memorySource } from './bundle-files.ts';
import { inspectBundle, type VerifyOptions, verifyBundle } from './verify-bundle.ts';

const key = generateSigningKey();
const options: VerifyOptions = { publisherFingerprints: [key.fingerprint] };
const bundle = tinyTextBundle(key);
const bytesOf = (name: string): Uint8Array => bundle.get(name) ?? new Uint8Array();

async function codeOf(files: TinyBundle, change: Partial<VerifyOptions> = {}): Promise<string> {
  try {
    await verifyBundle(memorySource(files), { ...options, ...change });
    return 'accepted';
  } catch (thrown) {
    return thrown instanceof NanofleetError ? thrown.code : String(thrown);
  }
}
const withFile = (name: string, bytes: Uint8Array): TinyBundle => new Map([...bundle, [name, bytes]]);
const without = (name: string): TinyBundle => new Map([...bundle].filter(([other]) => other !== name));

describe('verifyBundle', () => {
  it('gives the digest of the manifest, the signer and the very bytes that it checked', async () => {
    const verified = await verifyBundle(memorySource(bundle), {
      ...options,
      minReleaseCounter: 3,
      rssBytesMax: 1000,
    });
    expect(verified.digest).toBe(sha256Of(bytesOf('manifest.json')));
    expect(verified.signedBy).toBe(key.fingerprint);
    expect(verified.files.get('infer.int8')).toBe(bundle.get('infer.onnx'));
  });

  it('reads a directory as it reads memory', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'nanofleet-verify-'));
    for (const [name, bytes] of bundle) await writeFile(join(directory, name), bytes);
    expect((await verifyBundle(directory, options)).digest).toBe(sha256Of(bytesOf('manifest.json')));
    await writeFile(join(directory, 'infer.onnx'), new Uint8Array(5000));
    await expect(verifyBundle(directory, options)).rejects.toMatchObject({ code: 'BUNDLE_TOO_LARGE' });
    await rm(directory, { recursive: true });
    await expect(verifyBundle(directory, options)).rejects.toMatchObject({ code: 'BUNDLE_FILE_MISSING' });
  });

  it.each<[string, TinyBundle, Partial<VerifyOptions>, string]>([
    ['no signature', without('manifest.sig'), {}, 'SIGNATURE_MISSING'],
    ['no pinned key', bundle, { publisherFingerprints: [] }, 'SIGNATURE_KEY_FOREIGN'],
    ['a foreign key', tinyTextBundle(generateSigningKey()), {}, 'SIGNATURE_KEY_FOREIGN'],
    ['no manifest', without('manifest.json'), {}, 'BUNDLE_FILE_MISSING'],
    ['no graph', without('infer.onnx'), {}, 'BUNDLE_FILE_MISSING'],
    ['an older release', bundle, { minReleaseCounter: 4 }, 'RELEASE_COUNTER_OLD'],
    ['another digest than asked for', bundle, { digest: 'a'.repeat(64) }, 'DIGEST_MISMATCH'],
    ['too little memory', bundle, { rssBytesMax: 999 }, 'NEEDS_NOT_MET'],
    [
      'a newer runtime needed',
      tinyTextBundle(key, { needs: { runtimeVersion: RUNTIME_VERSION + 1, rssBytes: 0 } }),
      {},
      'NEEDS_NOT_MET',
    ],
    [
      'one byte more in a file',
      withFile('golden.json', Uint8Array.from([...bytesOf('golden.json'), 10])),
      {},
      'DIGEST_MISMATCH',
    ],
  ])('refuses a bundle with %s', async (_name, files, change, code) => {
    expect(await codeOf(files, change)).toBe(code);
  });

  it('checks the signature before it parses: a signed manifest that is malformed is called malformed, an unsigned one is not', async () => {
    const nonsense = new TextEncoder().encode('{"format":1}');
    const signed = new Map([
      ...withFile('manifest.json', nonsense),
      ['manifest.sig', signManifest(key, nonsense)] as const,
    ]);
    expect(await codeOf(signed)).toBe('MANIFEST_MALFORMED');
    expect(await codeOf(withFile('manifest.json', nonsense))).toBe('SIGNATURE_WRONG');
  });

  it('refuses a bundle with any one byte changed, in any file', async () => {
    const anywhere = fc.constantFrom(...bundle.keys()).chain((name) =>
      fc.record({
        name: fc.constant(name),
        at: fc.nat(bytesOf(name).length - 1),
        flip: fc.integer({ min: 1, max: 255 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(anywhere, async ({ name, at, flip }) => {
        const changed = Uint8Array.from(bytesOf(name));
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(await codeOf(withFile(name, changed))).toMatch(
          /^(SIGNATURE_(WRONG|MALFORMED|KEY_FOREIGN)|DIGEST_MISMATCH)$/,
        );
      }),
      { seed: 1, numRuns: 400 },
    );
  });
});

describe('inspectBundle', () => {
  it('opens a bundle that nobody signed, and says so', async () => {
    expect((await inspectBundle(memorySource(without('manifest.sig')))).signedBy).toBeNull();
  });

  it('still refuses files that do not fit the manifest', async () => {
    const changed = inspectBundle(memorySource(withFile('infer.onnx', bytesOf('golden.json'))));
    await expect(changed).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});
