// What `soak` and `bench` share: find the programs of a folder of test/, list them with the first sentence of their
// opening comment, or compile and run the one that is named.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, root } from './build.mjs';
import { bundleAgent } from './bundle-agent.mjs';
import { runHere } from './run-here.mjs';

/** Programs are the files directly in test/<kind>/ that open with a `#!` line or call `main`; parts live deeper. */
function programs(kind) {
  const folder = join(root, 'test', kind);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => ({ name: file.slice(0, -3), text: readFileSync(join(folder, file), 'utf8') }))
    .filter(({ text }) => /^await main\(|^main\(|^#!/m.test(text))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** First sentence of the comment that opens a file. */
function purpose(text) {
  const lines = text.split('\n').filter((line) => !line.startsWith('#!'));
  const end = lines.findIndex((line) => !line.startsWith('//'));
  const comment = lines.slice(0, end).map((line) => line.replace(/^\/\/ ?/, ''));
  return /^.*?[.!?](?=\s|$)/.exec(comment.join(' '))?.[0] ?? comment.join(' ');
}

function list(kind, found) {
  console.log(`usage: pnpm ${kind} <name> [options]\n`);
  if (found.length === 0) console.log('  (none yet)');
  const width = Math.max(0, ...found.map(({ name }) => name.length));
  for (const { name, text } of found) console.log(`  ${name.padEnd(width)}  ${purpose(text)}`);
}

/** Runs `pnpm <kind> …`: without a name it lists; an unknown name lists, too, and exits with 2. */
export async function runCampaign(kind) {
  const [name, ...args] = process.argv.slice(2);
  const found = programs(kind);
  if (name === undefined) return list(kind, found);
  if (!found.some((program) => program.name === name)) {
    console.error(`there is no ${kind} named ${JSON.stringify(name)}.`);
    list(kind, found);
    process.exitCode = 2;
    return;
  }
  const code = compile();
  if (code !== 0) process.exit(code);
  await bundleAgent();
  await runHere(join(root, 'test', 'dist', kind, `${name}.js`), args);
}
