/** Signed releases of the agent in memory, for tests. Never a program that runs. */
import {
  AGENT_ENTRY_FILE,
  type AgentReleaseDraft,
  type DesiredAgent,
  digestSchema,
  encodeAgentRelease,
  NanofleetError,
  parseId,
} from '@nanofleet/protocol';
import { type SigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import type { BlobSource } from '../ports/blob-source.ts';

/** A release as blobs by name. */
export interface TestRelease {
  readonly wish: DesiredAgent;
  readonly blobs: Map<string, Uint8Array>;
  /** Digest of its program. */
  readonly program: string;
}

/** Makes and signs a release; `change` states something else in its manifest. */
export const makeRelease = (
  key: SigningKey,
  version: string,
  change: Partial<AgentReleaseDraft> = {},
): TestRelease => {
  const program = Buffer.from(`// agent ${version}\n`.repeat(5_000));
  const worker = Buffer.from(`// worker of ${version}\n`);
  const manifestBytes = encodeAgentRelease({
    kind: 'agent',
    format: 1,
    version,
    platforms: ['linux-test'],
    needs: { node: '20.19.0', engines: [{ name: 'none', version: '0' }], agent: '0.1.0', loader: 1 },
    files: [
      { name: AGENT_ENTRY_FILE, sha256: sha256Of(program), bytes: program.length },
      { name: 'training-worker.mjs', sha256: sha256Of(worker), bytes: worker.length },
    ],
    license: 'Apache-2.0',
    ...change,
  });
  const digest = sha256Of(manifestBytes);
  const blobs = new Map<string, Uint8Array>([
    [digest, manifestBytes],
    [`${digest}.sig`, signManifest(key, manifestBytes)],
    [sha256Of(program), program],
    [sha256Of(worker), worker],
  ]);
  return {
    wish: { digest: parseId(digestSchema, digest), version, order: 1 },
    blobs,
    program: sha256Of(program),
  };
};

/** A source that serves some blobs. */
export const serving = (blobs: ReadonlyMap<string, Uint8Array>): BlobSource => ({
  fetch: (name, { from, length }) => {
    const whole = blobs.get(name);
    if (whole === undefined)
      return Promise.reject(new NanofleetError('BUNDLE_FILE_MISSING', `there is no ${name}`));
    return Promise.resolve({ bytes: whole.subarray(from, from + length), totalBytes: whole.length });
  },
});
