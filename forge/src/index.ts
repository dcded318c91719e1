// What other packages may use of forge: judging bundles and running the command in process.
export * from './bundle/decided-counts.ts';
export * from './bundle/evaluate-bundle.ts';
export * from './calibrate/recipe-subject.ts';
export * from './command/command.ts';
export * from './command/forge.ts';
export type { MarkedEntity } from './entities/annotated-texts.ts';
export * from './entities/span-score.ts';
export * from './seeded-random.ts';
