/**
 * The CLI as the operator uses it: a process of its own, which alone reads the publisher's key. Owns how it is called
 * and how its errors come back; never looks into the profile.
 */
import { type ErrorCode, isErrorCode, NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';
import { jsonOf, READY_WITHIN_MS, runToEnd } from './processes.ts';
import type { World } from './world.ts';

/** Every command that the starter runs may be run twice, for so long as a controller that is started again may take. */
const PATIENCE_MS = READY_WITHIN_MS;
const RETRIED: readonly ErrorCode[] = ['CONTROLLER_UNREACHABLE', 'DATABASE_UNAVAILABLE'];
const RETRY_MS = 1_000;

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Runs commands of `nanofleet` with one profile. */
export class CommandLine {
  readonly #world: World;
  readonly #file: string;
  readonly #profile: string;

  constructor(world: World, options: { file: string; profile: string }) {
    this.#world = world;
    this.#file = options.file;
    this.#profile = options.profile;
  }

  /**
   * Runs one command with --json and returns its document; again when the controller was away.
   * @throws NanofleetError the error that the command reported.
   */
  async run(...words: readonly string[]): Promise<unknown> {
    const begun = this.#world.ticks();
    for (;;) {
      try {
        return await this.#once(words);
      } catch (thrown) {
        const isOver = this.#world.ticks() - begun > PATIENCE_MS;
        if (isOver || !(thrown instanceof NanofleetError) || !RETRIED.includes(thrown.code)) throw thrown;
        await this.#world.sleep(RETRY_MS);
      }
    }
  }

  async #once(words: readonly string[]): Promise<unknown> {
    const { code, out, err } = await this.#run(words);
    if (code === 0) return jsonOf(out);
    const last = err.trim().split('\n').at(-1) ?? '';
    const reported = errorSchema.safeParse(jsonOf(last));
    const found = reported.success ? reported.data.error : { code: 'INTERNAL', message: last.slice(0, 400) };
    const tried = `nanofleet ${words.slice(0, 2).join(' ')} ended with exit code ${code}`;
    throw new NanofleetError(isErrorCode(found.code) ? found.code : 'INTERNAL', `${tried}: ${found.message}`);
  }

  #run(words: readonly string[]) {
    const args = [...words, '--profile', this.#profile, '--json'];
    return runToEnd(this.#world, { name: 'nanofleet', file: this.#file, args });
  }
}
