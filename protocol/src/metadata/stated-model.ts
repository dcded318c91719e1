/** What the publishers' targets state of a release, out of its manifest, and whether a manifest says the same. Pure. */
import type { AgentRelease } from '../agent-release.ts';
import { NanofleetError } from '../errors.ts';
import type { Manifest } from '../manifest.ts';
import type { AgentTargetStatement, ModelTarget } from './roles.ts';

type Quality = Manifest['quality'];

/** Figures in the digits of their texts. */
const figuresOf = (quality: Quality): ModelTarget['quality'] =>
  quality.map((entry) =>
    Object.fromEntries(
      Object.entries(entry).flatMap(([name, figure]) =>
        figure === undefined ? [] : [[name, String(figure)]],
      ),
    ),
  );

const bytesOf = (files: readonly { readonly bytes: number }[]): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);

/** The statement of a model. */
export const modelStatement = (
  { files, line, quality, releaseCounter, version }: Manifest,
  hardware: string,
): ModelTarget => ({
  ...{ kind: 'model', line, version, releaseCounter, hardware },
  bytes: bytesOf(files),
  quality: figuresOf(quality),
});

/** The statement of a release of the agent. */
export const agentStatement = ({ files, version }: AgentRelease): AgentTargetStatement => ({
  kind: 'agent',
  version,
  bytes: bytesOf(files),
});

const isSameQuality = (one: ModelTarget['quality'], other: ModelTarget['quality']): boolean => {
  const texts = (quality: ModelTarget['quality']) =>
    quality.map((entry) =>
      Object.entries(entry)
        .map(([name, figure]) => `${name}=${figure}`)
        .sort()
        .join(' '),
    );
  return texts(one).join('\n') === texts(other).join('\n');
};

/**
 * Compares a manifest with what the publishers have agreed on.
 * @throws NanofleetError FIGURES_FORGED, TARGET_DISAGREES
 */
export const checkStatement = (manifest: Manifest, target: ModelTarget): void => {
  const stated = modelStatement(manifest, target.hardware);
  if (!isSameQuality(stated.quality, target.quality))
    throw new NanofleetError(
      'FIGURES_FORGED',
      `the manifest of ${manifest.line} ${manifest.version} states other evaluation figures than the publishers have signed`,
    );
  for (const field of ['line', 'version', 'releaseCounter', 'bytes'] as const)
    if (stated[field] !== target[field])
      throw new NanofleetError(
        'TARGET_DISAGREES',
        `the manifest states ${field} ${stated[field]}, the publishers ${target[field]}`,
      );
};
