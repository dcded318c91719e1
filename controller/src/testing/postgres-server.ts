/**
 * A PostgreSQL server of its own below a temporary directory, for benchmarks on a machine that has the programs and no
 * server: durable as installed (fsync on). Refuses to be root as PostgreSQL does: then it runs as the user postgres. Only
 * tests and benchmarks import this.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokenInvariant } from '@nanofleet/protocol';
import { freePort } from './mosquitto.ts';

const INSTALLED = '/usr/lib/postgresql';
const USER = 'nanofleet';

const programs = (): string | null => {
  if (!existsSync(INSTALLED)) return null;
  const newest = readdirSync(INSTALLED).toSorted((one, other) => Number(other) - Number(one))[0];
  const folder = join(INSTALLED, newest ?? '', 'bin');
  return existsSync(join(folder, 'initdb')) ? folder : null;
};

const idOf = (flag: '-u' | '-g'): number =>
  Number(spawnSync('id', [flag, 'postgres']).stdout.toString().trim());

/** Runs one of the programs to its end. */
const run = (program: string, args: readonly string[]): void => {
  const isRoot = process.getuid?.() === 0;
  const as = isRoot ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  // pg_ctl leaves a server behind, which must not hold this process's pipes.
  const { status } = spawnSync(program, [...args], { stdio: 'ignore', cwd: '/', ...as });
  if (status !== 0) throw new BrokenInvariant(`${program} ended with ${status}`);
};

/** A server that runs until `stop`. */
export class PostgresServer {
  readonly url: string;
  readonly #directory: string;
  readonly #folder: string;

  private constructor(options: { directory: string; folder: string; port: number }) {
    this.#directory = options.directory;
    this.#folder = options.folder;
    this.url = `postgres://${USER}@127.0.0.1:${options.port}/postgres`;
  }

  /** Whether the programs are installed. */
  static get isInstalled(): boolean {
    return programs() !== null;
  }

  /** Makes a cluster and starts it. */
  static async start(): Promise<PostgresServer> {
    const folder = programs();
    if (folder === null) throw new BrokenInvariant(`no PostgreSQL is installed below ${INSTALLED}`);
    const directory = mkdtempSync(join(tmpdir(), 'nanofleet-postgres-'));
    if (process.getuid?.() === 0) chownSync(directory, idOf('-u'), idOf('-g'));
    const port = await freePort();
    const data = join(directory, 'data');
    run(join(folder, 'initdb'), ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--no-sync']);
    const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''`;
    run(join(folder, 'pg_ctl'), ['-D', data, '-l', join(directory, 'log'), '-w', '-o', options, 'start']);
    return new PostgresServer({ directory, folder, port });
  }

  /** Ends it and removes what it kept. */
  stop(): void {
    const data = join(this.#directory, 'data');
    run(join(this.#folder, 'pg_ctl'), ['-D', data, '-m', 'immediate', '-w', 'stop']);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
