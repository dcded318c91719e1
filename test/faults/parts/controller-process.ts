/**
 * A real controller as a process of its own, which can be killed and started again on the same directory and ports.
 * Ends with the tests of the file.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TEST_CACHE } from '@nanofleet/controller/testing';
import { type SigningKey } from '@nanofleet/protocol/node';
import { z } from 'zod';
import { atEnd } from '../../endings.ts';
import { CLONE } from './clone.ts';
import { FLEET, makeOperator, type Operator } from './operator.ts';
import { type Running, startProgram } from './programs.ts';

const readySchema = z.object({ http: z.int(), mqtt: z.int(), controllerKeyId: z.string() });

/** The process, and what an operator can do with it. */
export interface ControllerProcess extends Operator {
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again, as it was. */
  restart(): Promise<void>;
}

/** Starts a controller on a directory. */
export const startControllerProcess = async (options: {
  directory: string;
  publisher: SigningKey;
}): Promise<ControllerProcess> => {
  const { directory, publisher } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const keyFile = join(directory, 'publisher.pub');
  writeFileSync(keyFile, Buffer.from(publisher.publicKey).toString('base64'));
  const start = (ports: { http: number; mqtt: number }): Promise<Running> =>
    startProgram({
      file: CLONE.controller,
      args: [
        `--dir=${directory}`,
        `--fleet=${FLEET}`,
        `--http=${ports.http}`,
        `--mqtt=${ports.mqtt}`,
        `--publisher-key=${keyFile}`,
        '--exit-with-stdin',
        '--json',
      ],
      environment: { NANOFLEET_CACHE: TEST_CACHE, DATABASE_URL: '' },
    });
  let running = await start({ http: 0, mqtt: 0 });
  atEnd(() => running.kill());
  const { http, mqtt, controllerKeyId } = readySchema.parse(running.ready);
  const adminToken = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
  const pinned = { publisher: publisher.fingerprint, controller: controllerKeyId };
  return {
    ...makeOperator({ url: `http://127.0.0.1:${http}`, adminToken, ...pinned }),
    kill: () => running.kill(),
    restart: async () => {
      running = await start({ http, mqtt });
    },
  };
};
