/** Twins of the ports and tiny bundles, for tests and the simulated fleet; nothing that ships imports it. */
export * from './bad-graph.ts';
export * from './changed-bundle.ts';
export * from './dying-disk.ts';
export * from './eventually.ts';
export * from './manual-clock.ts';
export * from './memory-disk.ts';
export * from './memory-transport.ts';
export * from './packed-form.ts';
export * from './seeded-random.ts';
export * from './tiny-bundle.ts';
export * from './tiny-graph.ts';
export * from './tiny-wire.ts';
