/** Whether what the controller wants a device to take is what the publishers have released, for this hardware. Pure. */
import {
  ANY_HARDWARE,
  type ModelTarget,
  NanofleetError,
  type SignedMetadata,
  type Target,
  targetPath,
} from '@nanofleet/protocol';

/** A model as the controller names it. */
export interface WantedModel {
  readonly kind: 'model';
  readonly digest: string;
  readonly line: string;
  readonly releaseCounter: number;
  /** Of all files; left out by earlier controllers. */
  readonly bytes?: number | undefined;
  /** Left out: any. */
  readonly hardware?: string | undefined;
}

/** A release of the agent as the controller names it. */
export interface WantedAgent {
  readonly kind: 'agent';
  readonly digest: string;
  readonly version: string;
}

export type Wanted = WantedModel | WantedAgent;

const unknown = ({ digest, kind }: Wanted): NanofleetError =>
  new NanofleetError(
    'TARGET_UNKNOWN',
    `the publishers have released no ${kind} ${digest.slice(0, 16)}…; only what their targets list may run here`,
    { facts: { digest } },
  );

const disagrees = (field: string, said: { controller: unknown; publishers: unknown }): NanofleetError =>
  new NanofleetError(
    'TARGET_DISAGREES',
    `of ${field} the controller says ${String(said.controller)}, the publishers ${String(said.publishers)}`,
    { facts: { field } },
  );

const checkModel = (wanted: WantedModel, target: ModelTarget): void => {
  const { bytes = target.bytes, hardware = ANY_HARDWARE, line, releaseCounter } = wanted;
  const said = { bytes, hardware, line, releaseCounter };
  for (const field of ['line', 'releaseCounter', 'bytes', 'hardware'] as const)
    if (said[field] !== target[field])
      throw disagrees(field, { controller: said[field], publishers: target[field] });
};

/**
 * The publishers' statement of what is wanted.
 * @param hardware of this device
 * @throws NanofleetError TARGET_UNKNOWN, TARGET_DISAGREES, HARDWARE_WRONG
 */
export const checkTarget = (
  { targets }: SignedMetadata<'targets'>,
  wanted: Wanted,
  hardware: string,
): Target['custom'] => {
  const target = targets[targetPath(wanted.kind, wanted.digest)]?.custom;
  if (target === undefined || target.kind !== wanted.kind) throw unknown(wanted);
  if (target.kind === 'agent') {
    if (wanted.kind === 'agent' && wanted.version !== target.version)
      throw disagrees('version', { controller: wanted.version, publishers: target.version });
    return target;
  }
  if (wanted.kind === 'model') checkModel(wanted, target);
  if (target.hardware === ANY_HARDWARE || target.hardware === hardware) return target;
  throw new NanofleetError(
    'HARDWARE_WRONG',
    `the release is for ${target.hardware}; this device is ${hardware}`,
  );
};
