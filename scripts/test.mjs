// The command `test`: every tier of `pnpm test` in one vitest run. It owns the last line, `N passed, N failed`
// (with `, N skipped` when a part of the machine was missing), and the exit code; it never decides what a test is.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { commandFile, compile, root } from './build.mjs';
import { buildDashboard } from './build-dashboard.mjs';
import { bundleAgent } from './bundle-agent.mjs';

/** A test that spins without a pause meets no timeout of vitest's; a whole run takes a third of this on two busy cores. */
const MINUTES_MAX = 45;

/** Runs node with these arguments, at most that long; resolves to the exit code (128 + n when signal n ended it). */
function node(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    const end = setTimeout(() => {
      console.log(
        `the tests did not end within ${MINUTES_MAX} minutes: a file that is not above spins or hangs`,
      );
      child.kill('SIGTERM');
    }, MINUTES_MAX * 60_000);
    child.on('exit', (code, signal) => {
      clearTimeout(end);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143));
    });
    child.on('error', () => resolve(127));
  });
}

/** Counts assertions' outcomes of a vitest JSON report; a file that did not even load counts as one failure. */
function count(report) {
  const totals = { passed: 0, failed: 0, skipped: [] };
  for (const file of report.testResults) {
    if (file.status === 'failed' && file.assertionResults.length === 0) totals.failed += 1;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') totals.passed += 1;
      else if (test.status === 'failed') totals.failed += 1;
      else totals.skipped.push(`${relative(root, file.name)}: ${test.fullName}`);
    }
  }
  return totals;
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

async function main() {
  // Wider tests run the programs as users do, compiled.
  if (compile() !== 0) {
    console.log('0 passed, 1 failed');
    process.exitCode = 1;
    return;
  }
  await bundleAgent();
  await buildDashboard();
  const scratch = mkdtempSync(join(tmpdir(), 'nanofleet-test-'));
  const reportPath = join(scratch, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`];
    const code = await node([commandFile('vitest', 'vitest'), 'run', ...reporters, ...process.argv.slice(2)]);
    const report = readReport(reportPath);
    const totals = report === undefined ? { passed: 0, failed: 1, skipped: [] } : count(report);
    // vitest also fails on an unhandled rejection, which no test's own outcome shows.
    if (code !== 0 && totals.failed === 0) totals.failed = 1;
    for (const title of totals.skipped) console.log(`skipped: ${title}`);
    const strict = process.env.NANOFLEET_REQUIRE === 'all' && totals.skipped.length > 0;
    if (strict) console.log('NANOFLEET_REQUIRE=all: a skipped test counts as a failure of this run.');
    const skipped = totals.skipped.length > 0 ? `, ${totals.skipped.length} skipped` : '';
    console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
    process.exitCode = totals.failed > 0 || strict ? 1 : 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

await main();
