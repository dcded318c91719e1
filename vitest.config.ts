// One vitest configuration for the whole workspace. Packages are resolved to their sources, so that no build is
// needed before a test run. Timeouts are generous: they end a hang, they never judge speed.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const packages = ['protocol', 'runtime', 'forge', 'agent', 'controller', 'cli', 'start'];

function source(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

const alias = packages.flatMap((name) => [
  {
    find: new RegExp(`^@nanofleet/${name}/(node|ports|mqtt|testing)$`),
    replacement: source(`./${name}/src/$1/index.ts`),
  },
  { find: new RegExp(`^@nanofleet/${name}$`), replacement: source(`./${name}/src/index.ts`) },
]);

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['*/src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 25_000, interval: 20 } },
    pool: 'forks',
    // All cores: most wider tests wait for processes of their own, so one worker per core keeps two cores busy.
    maxWorkers: '100%',
    passWithNoTests: false,
  },
});
