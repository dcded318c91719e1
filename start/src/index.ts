/** One start as a class, for tests that give it their own surroundings. */
export { AGENT_LAUNCH } from './agent-launch.ts';
export { type Options, readOptions } from './options.ts';
export { Start } from './start.ts';
export type { Sink, World } from './world.ts';
