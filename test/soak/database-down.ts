// Takes the database away from a controller under load for a minute: nothing is acknowledged, nothing is lost, nothing
// is doubled. Options: --seconds N (60). On PostgreSQL, too, when NANOFLEET_TEST_DATABASE_URL names one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TEST = 'test/faults/database-down.test.ts';

const packageSchema = z.object({ bin: z.object({ vitest: z.string() }) });

/** The file behind the command vitest. */
const vitest = (): string => {
  const path = createRequire(join(ROOT, 'package.json')).resolve('vitest/package.json');
  return join(dirname(path), packageSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).bin.vitest);
};

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
  const seconds = Number(values.seconds);
  const child = spawn(process.execPath, [vitest(), 'run', TEST, '--reporter=verbose'], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, NANOFLEET_OUTAGE_S: String(seconds) },
  });
  await once(child, 'close');
  const ok = child.exitCode === 0;
  const onPostgres = (process.env['NANOFLEET_TEST_DATABASE_URL'] ?? '') !== '';
  console.log(JSON.stringify({ soak: 'database-down', ok, seconds, onPostgres }));
  process.exitCode = ok ? 0 : 1;
}

await main();
