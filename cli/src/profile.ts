/**
 * The operator's profile directory (0700): which controller, the token for it (0600), the publisher's key (0600) and
 * its public half. Owns these files and their modes; never sends anything.
 */
import { chmod, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { readSigningKey, type SigningKey } from '@nanofleet/protocol/node';
import { z } from 'zod';
import type { World } from './world.ts';

const OTHERS_MAY_READ = 0o077;
const profileSchema = z.object({ url: z.url(), authority: z.string().optional() });

/** Where a controller is and what opens it. */
export interface Login {
  readonly url: string;
  readonly token: string;
  /** PEM of who may sign the controller's certificate; left out: whom Node trusts. */
  readonly authority?: string | undefined;
}

/** The directory that a run uses: `--profile`, else NANOFLEET_PROFILE, else ~/.config/nanofleet. */
export const profileDirectoryOf = (world: World, given: string | undefined): string =>
  given ??
  world.env['NANOFLEET_PROFILE'] ??
  join(world.env['XDG_CONFIG_HOME'] ?? join(world.home, '.config'), 'nanofleet');

/** The files of one profile. */
export class Profile {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Private key of the publisher, PEM, 0600. */
  get keyFile(): string {
    return join(this.directory, 'publisher.key');
  }

  /** Public half, raw in base64 on one line: what a controller is given. */
  get publicKeyFile(): string {
    return join(this.directory, 'publisher.pub');
  }

  /** Makes the directory, private to its owner. */
  async prepare(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    await chmod(this.directory, 0o700);
  }

  async writeLogin(login: Login): Promise<void> {
    await this.prepare();
    await writePrivately(join(this.directory, 'token'), `${login.token}\n`);
    await writePrivately(
      join(this.directory, 'profile.json'),
      `${JSON.stringify({ url: login.url, authority: login.authority })}\n`,
    );
  }

  /** @throws NanofleetError NOT_LOGGED_IN, or STATE_CORRUPT when the files cannot be understood. */
  async readLogin(): Promise<Login> {
    const token = await readPrivately(join(this.directory, 'token'));
    const text = await readFile(join(this.directory, 'profile.json'), 'utf8').catch(() => undefined);
    if (token === undefined || text === undefined) {
      throw new NanofleetError('NOT_LOGGED_IN', `The profile ${this.directory} knows no controller yet.`);
    }
    const parsed = profileSchema.safeParse(parse(text));
    if (!parsed.success) {
      const problem = `${join(this.directory, 'profile.json')} is not {"url"} in JSON.`;
      throw new NanofleetError('STATE_CORRUPT', problem);
    }
    return { ...parsed.data, token: token.trim() };
  }

  /** The publisher's key; KEY_FILE_INVALID when there is none or others may read it. */
  readKey(): Promise<SigningKey> {
    return readSigningKey(this.keyFile);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller names the file.
    return undefined;
  }
}

/** Writes a file of mode 0600 so that a reader sees the old or the new content, never a part. */
export async function writePrivately(path: string, text: string): Promise<void> {
  const file = await open(`${path}.part`, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}

/**
 * Reads a secret from a file; undefined when there is no such file.
 * @throws NanofleetError KEY_FILE_INVALID when others may read it.
 */
export async function readPrivately(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if ((found.mode & OTHERS_MAY_READ) !== 0) {
    const problem = `${path} holds a secret and others may read it; run chmod 600 on it.`;
    throw new NanofleetError('KEY_FILE_INVALID', problem);
  }
  return readFile(path, 'utf8');
}
