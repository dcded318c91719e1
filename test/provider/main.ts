/** The test provider as a program: `node test/dist/provider/main.js --port N --key-file FILE`. Prints its address when ready. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '@nanofleet/controller';
import { TestProvider } from './server.ts';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, 'key-file': { type: 'string' } },
});
const keyFile = values['key-file'];
const provider = await TestProvider.start({
  clock: systemClock,
  port: Number(values.port),
  ...(keyFile === undefined ? {} : { key: readFileSync(keyFile, 'utf8').trim() }),
});
process.stdout.write(`${JSON.stringify({ ready: true, url: provider.url })}\n`);
