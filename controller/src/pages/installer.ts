/**
 * The agent's packages and the script that installs one, out of the folder that `pnpm package:agent` made. The script is
 * completed with this controller's address and the packages' SHA-256. Never serves anything that the index does not name.
 */
import { createReadStream, type ReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ApiAnswer,
  digestSchema,
  INSTALL_PATHS,
  NanofleetError,
  type PackageForm,
  packageFormSchema,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { z } from 'zod';

const packageSchema = z.object({
  platform: z.string().regex(/^[a-z0-9-]{1,32}$/),
  form: packageFormSchema,
  file: z.string().regex(/^[a-z0-9-]{1,64}\.tar\.[gx]z$/),
  sha256: digestSchema,
  bytes: z.int().min(1),
  unpackedKb: z.int().min(1),
});
const indexSchema = z.object({ packages: z.array(packageSchema).min(1).max(16) });

type Package = z.infer<typeof packageSchema>;

/** The folder with its index and script, read anew for each request: it may be made while the controller runs. */
export class Installer {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The script for devices that reach the controller at an address. @throws NanofleetError NOT_FOUND */
  async script(deviceUrl: string): Promise<string> {
    const [packages, body] = await Promise.all([this.#packages(), this.#read('install.sh')]);
    const lines = packages.map(
      ({ platform, form, file, sha256, bytes, unpackedKb }) =>
        `${platform} ${form} ${file} ${sha256} ${bytes} ${unpackedKb}`,
    );
    const values = { NANOFLEET_URL: deviceUrl, NANOFLEET_PACKAGES: lines.join('\n') };
    const given = Object.entries(values).map(([name, value]) => `${name}=${quoted(value)}`);
    // A shell takes away the line break at the end of what it reads into a variable: the hash is of the text without.
    return ['#!/bin/sh', ...given, body].join('\n').trimEnd();
  }

  /** What an operator is told of it. @throws NanofleetError NOT_FOUND */
  async shown(deviceUrl: string): Promise<ApiAnswer<'installer'>> {
    const packages = await this.#packages();
    return {
      url: `${deviceUrl}${INSTALL_PATHS.script}`,
      sha256: sha256Of(await this.script(deviceUrl)),
      packages: packages.map(({ platform, form, sha256, bytes }) => ({ platform, form, sha256, bytes })),
    };
  }

  /** One package. @throws NanofleetError NOT_FOUND */
  async open(name: string): Promise<{ form: PackageForm; bytes: number; stream: ReadStream }> {
    const found = (await this.#packages()).find(({ file }) => file === name);
    if (found === undefined)
      throw new NanofleetError('NOT_FOUND', 'There is no package of this name; make a new line.');
    return { form: found.form, bytes: found.bytes, stream: createReadStream(join(this.#folder, found.file)) };
  }

  async #packages(): Promise<Package[]> {
    const parsed = indexSchema.safeParse(JSON.parse(await this.#read('index.json')));
    if (parsed.success) return parsed.data.packages;
    throw new NanofleetError(
      'STATE_CORRUPT',
      `${this.#folder}/index.json is not what pnpm package:agent writes.`,
    );
  }

  async #read(name: string): Promise<string> {
    try {
      return await readFile(join(this.#folder, name), 'utf8');
    } catch (cause) {
      const problem = `The controller has no packages of the agent in ${this.#folder}: make them there with npx -y pnpm@12 package:agent, or give --agents DIR.`;
      throw new NanofleetError('NOT_FOUND', problem, { cause });
    }
  }
}

/** A word of a shell, whatever is in it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
