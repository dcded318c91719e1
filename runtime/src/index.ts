/** What runs and fine-tunes a model bundle, without Node: features, events, metrics, quantization, graph surgery. */
export * from './text/check-text.ts';
export * from './text/hash.ts';
export * from './text/text-features.ts';
