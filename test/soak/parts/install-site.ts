// The other end of the line of `devices add`: a controller with the packages on the device's network, and the operators'
// command against it, both as processes. Ends the controller; judges nothing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TEST_CACHE } from '@nanofleet/controller/testing';
import { NanofleetError } from '@nanofleet/protocol';
import { generateSigningKey, type SigningKey, writeSigningKey } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { z } from 'zod';
import { signedBundle } from '../../faults/parts/bundles.ts';
import { type Running, runProgram, startProgram } from '../../faults/parts/programs.ts';
import { ROOT } from './starter.ts';

export const GROUP = 'homes';
/** Counter of the release that the group has from the beginning. */
export const FIRST_RELEASE = 2;
const ARRIVES_WITHIN_MS = 120_000;
const READY = z.object({ http: z.int(), authorityKeyId: z.string() });
const eventSchema = z.object({ event: z.object({ decision: z.string() }) });

/** One controller with its operator. */
export class InstallSite {
  readonly #running: Running;
  readonly #profile: string;
  readonly #scratch: string;
  readonly #key: SigningKey;

  private constructor(running: Running, own: { profile: string; scratch: string; key: SigningKey }) {
    this.#running = running;
    this.#profile = own.profile;
    this.#scratch = own.scratch;
    this.#key = own.key;
  }

  /** Starts it at an address with packages, and gives the group a model. */
  static async open(options: { scratch: string; packages: string; address: string }): Promise<InstallSite> {
    const { scratch, packages, address } = options;
    const key = generateSigningKey();
    const [directory, profile] = [join(scratch, 'controller'), join(scratch, 'profile')];
    mkdirSync(directory, { mode: 0o700 });
    await writeSigningKey(join(profile, 'publisher.key'), key);
    const running = await launch({ directory, key, packages, address });
    const { http, authorityKeyId } = READY.parse(running.ready);
    const site = new InstallSite(running, { profile, scratch, key });
    const token = join(directory, 'admin-token');
    const url = `https://${address}:${http}`;
    await site.nanofleet('login', url, '--token-file', token, '--authority', authorityKeyId);
    await site.release(FIRST_RELEASE);
    return site;
  }

  /** Gives the group a version of its model. Returns its digest. */
  async release(releaseCounter: number): Promise<string> {
    const to = join(this.#scratch, `bundle-${releaseCounter}`);
    const bundle = signedBundle({ from: 'household-2', to, key: this.#key, releaseCounter });
    await this.nanofleet('models', 'push', bundle.directory, '--group', GROUP);
    return bundle.digest;
  }

  /** What a command says. @throws NanofleetError what it said when it failed */
  async nanofleet(...args: string[]): Promise<string> {
    const file = join(ROOT, 'cli', 'dist', 'main.js');
    const { code, out, err } = await runProgram({ file, args: [...args, '--profile', this.#profile] });
    if (code === 0) return out.trim();
    throw new NanofleetError('INTERNAL', `nanofleet ${args[0]} ended with ${code}: ${err}`);
  }

  /** Resolves when a decision's event has arrived. */
  arrived(decision: string): Promise<void> {
    const look = async (): Promise<void> => {
      const out = await this.nanofleet('events', '--type', 'decision', '--json');
      const lines = out.split('\n').filter((line) => line !== '');
      const found = lines.map((line) => eventSchema.parse(JSON.parse(line)).event.decision);
      if (!found.includes(decision)) throw new NanofleetError('INTERNAL', `${decision} has not arrived`);
    };
    return eventually(look, { withinMs: ARRIVES_WITHIN_MS });
  }

  async close(): Promise<void> {
    await this.#running.stop();
  }
}

function launch(options: {
  directory: string;
  key: SigningKey;
  packages: string;
  address: string;
}): Promise<Running> {
  const { directory, key, packages, address } = options;
  const keyFile = join(directory, 'publisher.pub');
  writeFileSync(keyFile, Buffer.from(key.publicKey).toString('base64'));
  return startProgram({
    file: join(ROOT, 'controller', 'dist', 'main.js'),
    args: [
      ...[`--dir=${directory}`, '--fleet=install', `--host=${address}`, '--http=0', '--mqtt=0'],
      ...[`--publisher-key=${keyFile}`, `--agents=${packages}`, '--exit-with-stdin', '--json'],
    ],
    environment: { DATABASE_URL: '', MQTT_URL: '', NANOFLEET_CACHE: TEST_CACHE },
  });
}
