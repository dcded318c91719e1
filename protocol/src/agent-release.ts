/**
 * Owns the manifest of a release of the agent: which program it is, on which platforms it runs, what it needs, and which files belong
 * to it. Signed as models' manifests are. Never checks a signature and never opens a file.
 */
import { z } from 'zod';
import { firstIssue } from './envelope.ts';
import { NanofleetError } from './errors.ts';
import { digestSchema } from './ids.ts';
import { AGENT_RELEASE_BYTES_MAX, AGENT_RELEASE_FILES_MAX, BUNDLE_FILE_BYTES_MAX } from './limits/models.ts';
import { readManifestJson } from './manifest-json.ts';
import { agentVersionSchema } from './messages/agent.ts';

/** The only format of this manifest there is. */
export const AGENT_RELEASE_FORMAT = 1;

/** The file that is started; the others lie beside it. */
export const AGENT_ENTRY_FILE = 'nanofleet-agent.mjs';

const text = (max: number) => z.string().min(1).max(max);

const agentReleaseSchema = z.object({
  kind: z.literal('agent'),
  format: z.literal(AGENT_RELEASE_FORMAT),
  version: agentVersionSchema,
  /** Where it runs: `linux-x64` and the like. */
  platforms: z
    .array(z.string().regex(/^[a-z0-9]{1,16}-[a-z0-9]{1,16}$/))
    .min(1)
    .max(16),
  needs: z.object({
    /** Lowest version of Node. */
    node: agentVersionSchema,
    /** What may run the models: one of these, exactly. */
    engines: z
      .array(z.object({ name: text(64), version: text(64) }))
      .min(1)
      .max(8),
    /** Lowest version of the agent that may be followed by this one. */
    agent: agentVersionSchema,
    /** What the loader must know. */
    loader: z.int().min(1).max(1_000),
  }),
  files: z
    .array(
      z.object({
        /** One path segment, so that no name can leave the directory of the release. */
        name: z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.mjs$/, 'must be one plain name of a program'),
        sha256: digestSchema,
        bytes: z.int().min(1).max(BUNDLE_FILE_BYTES_MAX),
      }),
    )
    .min(1)
    .max(AGENT_RELEASE_FILES_MAX)
    .refine((files) => new Set(files.map(({ name }) => name)).size === files.length, 'holds a name twice')
    .refine((files) => files.some(({ name }) => name === AGENT_ENTRY_FILE), `lacks ${AGENT_ENTRY_FILE}`)
    .refine(
      (files) => files.reduce((sum, { bytes }) => sum + bytes, 0) <= AGENT_RELEASE_BYTES_MAX,
      `is larger than ${AGENT_RELEASE_BYTES_MAX} bytes together`,
    ),
  license: text(128),
});

/** A checked manifest of a release of the agent. */
export type AgentRelease = z.infer<typeof agentReleaseSchema>;
/** Such a manifest as its maker writes it. */
export type AgentReleaseDraft = z.input<typeof agentReleaseSchema>;

/**
 * Reads the exact bytes of a release's `manifest.json`. Unknown fields are ignored.
 * @throws NanofleetError BUNDLE_TOO_LARGE, MANIFEST_VERSION_UNKNOWN, MANIFEST_MALFORMED
 */
export const parseAgentRelease = (bytes: Uint8Array): AgentRelease => {
  const value = readManifestJson(bytes);
  const stated = z.object({ kind: z.literal('agent'), format: z.int() }).safeParse(value);
  if (stated.success && stated.data.format !== AGENT_RELEASE_FORMAT) {
    const problem = `The release has format ${stated.data.format}; this program knows ${AGENT_RELEASE_FORMAT}.`;
    throw new NanofleetError('MANIFEST_VERSION_UNKNOWN', problem);
  }
  const parsed = agentReleaseSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problem = `The manifest of the agent was refused: ${firstIssue(parsed.error)}.`;
  throw new NanofleetError('MANIFEST_MALFORMED', problem, { cause: parsed.error });
};

/** Exact bytes for `manifest.json`; @throws NanofleetError MANIFEST_MALFORMED */
export const encodeAgentRelease = (draft: AgentReleaseDraft): Uint8Array => {
  const bytes = new TextEncoder().encode(`${JSON.stringify(draft, undefined, 1)}\n`);
  parseAgentRelease(bytes);
  return bytes;
};

/** Below 0 when the first version is the older one, 0 when they are the same. */
export const compareAgentVersions = (one: string, other: string): number => {
  const [left, right] = [one, other].map((version) => version.split('.').map(Number));
  for (const at of [0, 1, 2]) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};
