// The table of packages and of who may import whom: the one place where the direction of the workspace is written.
// It never looks at files; the rules beside it do.

/** For each package, the packages of the workspace that its sources may import. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  runtime: ['protocol'],
  forge: ['protocol', 'runtime'],
  agent: ['protocol', 'runtime'],
  controller: ['protocol', 'runtime'],
  dashboard: ['protocol'],
  cli: ['protocol', 'runtime'],
  start: ['protocol'],
  test: ['protocol', 'runtime', 'forge', 'agent', 'controller', 'cli', 'start'],
};

/** Names of all packages, which are also the names of their folders. */
export const PACKAGES: readonly string[] = Object.keys(MAY_IMPORT);
