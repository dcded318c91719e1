/**
 * What agent and loader write to each other about which agent is started, and the steps that are the agent's. Pure. The
 * loader's own steps (counting starts, giving up) are in agent/install/agent-loader.mjs. Exactly one release is committed at any moment, or
 * none: then the installed agent is.
 */
import {
  agentVersionSchema,
  compareAgentVersions,
  type DesiredAgent,
  digestSchema,
  errorCodeSchema,
  NanofleetError,
  proseSchema,
  unixMsSchema,
} from '@nanofleet/protocol';
import { z } from 'zod';

const releaseSchema = z.object({
  digest: digestSchema,
  version: agentVersionSchema,
  /** The loader starts nothing whose bytes have other hashes. */
  files: z.array(z.object({ name: z.string(), sha256: digestSchema })),
});

/** The state as it lies on disk; the loader adds nothing to it that is not here. */
export const bootStateSchema = z.object({
  format: z.literal(1),
  /** SHA-256 of the installed agent when a release was last started: another one was installed by hand since, and counts. */
  base: digestSchema.nullable(),
  committed: releaseSchema.nullable(),
  /** Staged, and on probation from its first start. */
  trial: releaseSchema.extend({ order: z.int().min(1), starts: z.int().min(0) }).nullable(),
  /** The highest version that was ever committed. */
  highest: z.object({ digest: digestSchema, version: agentVersionSchema }).nullable(),
  refused: z
    .object({
      digest: digestSchema,
      order: z.int().min(0),
      code: errorCodeSchema,
      message: proseSchema,
      at: unixMsSchema,
    })
    .nullable(),
});

export type BootState = z.infer<typeof bootStateSchema>;
export type StagedRelease = z.infer<typeof releaseSchema>;
/** Why a device runs none of a release. */
export type AgentRefusal = NonNullable<BootState['refused']>;

/** A device whose agent is the installed one. */
export const FRESH_BOOT: BootState = {
  format: 1,
  base: null,
  committed: null,
  trial: null,
  highest: null,
  refused: null,
};

/** Whether a state says no to a wish: the release was refused, and was not rolled out again since. */
export const isRefusing = ({ refused }: BootState, { digest, order }: DesiredAgent): boolean =>
  refused !== null && refused.digest === digest && refused.order === order;

/** Whether a wish makes something to do. */
export const isWanted = (state: BootState, wish: DesiredAgent): boolean =>
  state.committed?.digest !== wish.digest && state.trial?.digest !== wish.digest && !isRefusing(state, wish);

/**
 * An agent never goes back by a release: neither behind what runs nor behind what was ever committed. The highest one itself
 * may come again, after its files were lost.
 * @throws NanofleetError AGENT_DOWNGRADE
 */
export const checkNewer = (
  { highest }: BootState,
  { release, running }: { release: { digest: string; version: string }; running: string },
): void => {
  const floor = highest?.digest === release.digest ? null : highest;
  const lower = [running, ...(floor === null ? [] : [floor.version])];
  const above = lower.find((version) => compareAgentVersions(release.version, version) <= 0);
  if (above === undefined) return;
  throw new NanofleetError(
    'AGENT_DOWNGRADE',
    `agent ${release.version} is not newer than ${above}, which ${above === running ? 'runs' : 'was committed'} here`,
    { facts: { version: release.version } },
  );
};

/** The next start is the release's first. */
export const stage = (state: BootState, release: StagedRelease, order: number): BootState => ({
  ...state,
  trial: { ...release, order, starts: 0 },
});

/** What was on probation is what runs from now on. */
export const commit = (state: BootState): BootState => {
  if (state.trial === null) return state;
  const { digest, version, files } = state.trial;
  return {
    ...state,
    committed: { digest, version, files },
    trial: null,
    highest: { digest, version },
    refused: null,
  };
};

/** The release is not staged. */
export const refuse = (state: BootState, refused: AgentRefusal): BootState => ({ ...state, refused });
