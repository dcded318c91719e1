// One vitest configuration for the whole workspace. Packages are resolved to their sources, so that no build is
// needed before a test run. Timeouts are generous: they end a hang, they never judge speed.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const packages = ['protocol', 'runtime', 'forge', 'agent', 'controller', 'cli', 'start'];

function source(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

const alias = packages.flatMap((name) => [
  {
    find: new RegExp(`^@nanofleet/${name}/(node|ports|mqtt|tls|testing)$`),
    replacement: source(`./${name}/src/$1/index.ts`),
  },
  { find: new RegExp(`^@nanofleet/${name}$`), replacement: source(`./${name}/src/index.ts`) },
]);

/** Begins with the stories and what else is wider than a package, so that no run ends with one core at work. */
class WidestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const within = (path: RegExp) => sorted.filter(({ moduleId }) => path.test(moduleId));
    return [...new Set([...within(/\/test\/(e2e|fleet)\//), ...within(/\/test\//), ...sorted])];
  }
}

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['*/src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    // Tests that load onnxruntime-node by themselves tell its makers nothing, either.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 25_000, interval: 20 } },
    pool: 'forks',
    // A file tidies up what it made, so that the next one may use its process: every third second went into loading modules.
    isolate: false,
    globalSetup: [source('./controller/src/testing/vitest.global.ts')],
    setupFiles: [source('./test/vitest.setup.ts')],
    // Wider tests mostly wait for programs of their own; one worker more than there are cores keeps these busy.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: WidestFirst },
    passWithNoTests: false,
  },
});
