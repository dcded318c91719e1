/** What of the runtime needs Node: verifying, loading and running bundles on onnxruntime. */
export * from './bundle-files.ts';
export * from './compare-bundles.ts';
export * from './engine.ts';
export * from './head-trainer.ts';
export * from './load-runner.ts';
export * from './make-candidate.ts';
export * from './session.ts';
export * from './text-input.ts';
export * from './text-model.ts';
export * from './text-tokenizer.ts';
export * from './tokenized-runner.ts';
export * from './verify-bundle.ts';
