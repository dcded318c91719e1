/**
 * Owns how the native engine is loaded: by `require`. Node finds the names of a CommonJS module for `import` by reading its source, and
 * takes it silently for one without names when that fails: controllers that were started again under load then ran without models until
 * they ended ("does not provide an export named 'Tensor'"). Types are imported from the package as usual.
 */
import { createRequire } from 'node:module';

const engine = createRequire(import.meta.url)('onnxruntime-node') as typeof import('onnxruntime-node');

/** The constructors of the engine. */
export const { InferenceSession, Tensor } = engine;
