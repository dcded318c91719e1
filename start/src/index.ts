/** One start as a class, for tests that give it their own surroundings. */
export { type Options, readOptions } from './options.ts';
export { Start } from './start.ts';
export type { Sink, World } from './world.ts';
