/**
 * How an agent is launched so that it stays small: what V8 and glibc only take before a process begins. The first line
 * of the shipped program says the same. Owns no setting that the agent can make by itself (agent/src/ports/heap.ts).
 * Measured by `bench footprint`: 98 MB instead of 101 with both lines loaded, 102 instead of 107 after 2,000 decisions; no slower.
 */
export const AGENT_LAUNCH = {
  /** Young generation of 1 MB, no helper threads of V8: a decision makes little garbage. */
  flags: ['--max-semi-space-size=1', '--single-threaded'],
  /** One arena of malloc: each further thread would keep an own one. */
  environment: { MALLOC_ARENA_MAX: '1' },
} as const;
