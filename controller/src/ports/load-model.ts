/**
 * How a verified text model gets into memory: the port through which the controller runs models, its token, and the
 * real one on ONNX Runtime, loaded when it is first needed. Never decides which model.
 */
import type { Digest } from '@nanofleet/protocol';
import type { TextRunner } from '@nanofleet/runtime';

/** A bundle that may run, and who may have signed it. */
export interface WantedModel {
  /** Files of the bundle by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly digest: Digest;
  readonly publisherFingerprints: readonly Digest[];
}

/**
 * Verifies and loads a bundle.
 * @throws NanofleetError of verifying or loading
 */
export type LoadModel = (wanted: WantedModel) => Promise<TextRunner>;

/** Injection token of the port. */
export const LOAD_MODEL = Symbol('LoadModel');

/** ONNX Runtime. */
export const loadModel: LoadModel = async ({ digest, files, publisherFingerprints }) => {
  const { loadTextRunner, memorySource, verifyBundle } = await import('@nanofleet/runtime/node');
  return loadTextRunner(await verifyBundle(memorySource(files), { publisherFingerprints, digest }));
};
