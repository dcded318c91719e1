/** The operator command as a function, for tests that give it their own surroundings. */
export { runProgram } from './program.ts';
export type { Sink, World } from './world.ts';
