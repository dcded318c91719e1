/**
 * A signed bundle directory into the registry: manifest, signature and each file, in its wire form where that is there,
 * with a bar of the bytes. Never signs and never makes a rollout.
 */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BundleFile,
  MANIFEST_FILE,
  type Model,
  NanofleetError,
  parseManifest,
  SIGNATURE_FILE,
  type StoredFile,
  wireOf,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import type { Client } from './client.ts';
import type { Terminal } from './terminal.ts';
import { bytesText } from './units.ts';

/**
 * Uploads what the registry does not have yet and registers the bundle; doing it again changes nothing.
 * @throws NanofleetError BUNDLE_FILE_MISSING, SIGNATURE_MISSING, DIGEST_MISMATCH, or the controller's refusal.
 */
export async function publish(client: Client, terminal: Terminal, directory: string): Promise<Model> {
  const manifestBytes = await bytesOf(directory, MANIFEST_FILE, 'BUNDLE_FILE_MISSING');
  const signature = await bytesOf(directory, SIGNATURE_FILE, 'SIGNATURE_MISSING');
  const manifest = parseManifest(manifestBytes);
  const digest = sha256Of(manifestBytes);
  const { items } = await client.call('models');
  const known = items.find((model) => model.digest === digest);
  if (known !== undefined) {
    terminal.note(`${known.line} ${known.version} is in the registry already.`);
    return known;
  }
  const files = await Promise.all(manifest.files.map((file) => travelling(directory, file)));
  await upload(client, terminal, { directory, files });
  return client.call('addModel', {
    body: {
      manifest: Buffer.from(manifestBytes).toString('base64'),
      signature: Buffer.from(signature).toString('utf8'),
    },
  });
}

/** What to upload of a file: the registry expands a wire form itself. */
async function travelling(directory: string, file: BundleFile): Promise<StoredFile> {
  const wire = wireOf(file);
  if (wire === undefined) return file;
  return access(join(directory, wire.name)).then(
    () => wire,
    () => file,
  );
}

/** Uploads files of a directory, with a bar of the bytes. @throws NanofleetError BUNDLE_FILE_MISSING, DIGEST_MISMATCH */
export async function upload(
  client: Client,
  terminal: Terminal,
  bundle: { directory: string; files: readonly StoredFile[] },
): Promise<void> {
  const total = bundle.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const bar = terminal.bar('Uploading');
  let done = 0;
  for (const { name, sha256, bytes } of bundle.files) {
    const body = await bytesOf(bundle.directory, name, 'BUNDLE_FILE_MISSING');
    if (sha256Of(body) !== sha256) {
      const problem = `${name} in ${bundle.directory} was changed after the bundle was made.`;
      throw new NanofleetError('DIGEST_MISMATCH', problem, { facts: { file: name } });
    }
    await client.call('putBlob', { params: { digest: sha256 }, body }, (sent) =>
      bar.update(done + sent, total),
    );
    done += bytes;
  }
  bar.end(`Uploaded ${bundle.files.length} files, ${bytesText(total)}.`);
}

/** Bytes of a file of a directory. @throws NanofleetError of the code */
export const bytesOf = (
  directory: string,
  name: string,
  code: 'BUNDLE_FILE_MISSING' | 'SIGNATURE_MISSING',
): Promise<Uint8Array> =>
  readFile(join(directory, name)).catch((cause: unknown) => {
    throw new NanofleetError(code, `${name} cannot be read in ${directory}.`, {
      cause,
      facts: { file: name },
    });
  });
