// The Python client as programs use it: the real python3 against a real agent, over its socket and its port.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { startAgentHere, writeLoneIdentity } from '../faults/parts/agents.ts';
import { signedBundle } from '../faults/parts/bundles.ts';
import { scratchDirectory } from '../faults/parts/clone.ts';

const CLIENT = fileURLToPath(new URL('../../clients/python', import.meta.url));
const USER = fileURLToPath(new URL('use-client.py', import.meta.url));
const readySchema = z.object({ http: z.int() });

it('every call of it does what it says, over the socket and over the port', async () => {
  const scratch = scratchDirectory();
  const directory = join(scratch, 'home');
  const key = generateSigningKey();
  for (const from of ['household-2', 'vibration-1'])
    signedBundle({ from, to: join(scratch, 'bundles', from), key });
  writeLoneIdentity(directory, { publisher: key.fingerprint });
  const config = 'version: 1\nbundles: ../bundles\nsources:\n  hall: { kind: http, text: $.said }\n';
  writeFileSync(join(directory, 'agent.yaml'), config);
  const { ready } = await startAgentHere(directory, '--http', '0');
  const { http } = readySchema.parse(ready);
  const { stdout } = await promisify(execFile)('python3', [USER, CLIENT, directory, String(http)]);
  const way = {
    label: 'HassLightSet',
    slots: { name: 'bedroom light', brightness: 50 },
    again: true,
    many: ['HassLightSet', 'TEXT_EMPTY'],
    labelled: 'HassLightSet',
    last: null,
    taught: 'HassLightSet',
    samples: 1,
    fed: 'http',
    device: 'lone',
    refused: 'SOURCE_UNKNOWN',
    nan: 'VALUE',
  };
  expect(JSON.parse(stdout)).toEqual({
    socket: way,
    // The window of the line has come further by then.
    port: { ...way, samples: 2 },
    threads: Array.from({ length: 8 }, () => 'HassLightSet'),
    beyond: { area: 'kitchen' },
    guessed: 'TOKEN_INVALID',
    nobody: 'UNREACHABLE',
    neither: 'VALUE',
  });
});
