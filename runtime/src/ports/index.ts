/** The ports: how agent and controller touch the world. Interfaces and what follows from them; no real one, no twin. */
export * from './clock.ts';
export * from './disk.ts';
export * from './link-unavailable.ts';
export * from './log.ts';
export * from './random.ts';
export * from './transport.ts';
