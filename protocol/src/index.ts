/** The contract between agent, controller, CLI and dashboard. No I/O, no clock, no `node:` import. */
export * from './api.ts';
export * from './envelope.ts';
export * from './errors.ts';
export * from './frames.ts';
export * from './ids.ts';
export * from './limits.ts';
export * from './local-api.ts';
export * from './manifest.ts';
export * from './messages/desired.ts';
export * from './messages/jobs.ts';
export * from './messages/offload.ts';
export * from './messages/presence.ts';
export * from './messages/records.ts';
export * from './messages/rounds.ts';
export * from './messages/vocabulary.ts';
export * from './problem.ts';
export * from './topics.ts';
