/**
 * Rotation of the controller's key and of the fleet's authority, as it lies on the disk: next keys are made and announced
 * under the old ones, devices trust both for a while, then the next ones take their places and the old ones are gone.
 * Owns these files and their order, so that a crash at any of them is finished at the next start. Never tells a device.
 */
import { existsSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestSchema, type RotationPart, rotationPartSchema } from '@nanofleet/protocol';
import { z } from 'zod';

const FILE = 'rotation.json';

const schema = z.object({
  /** Grows with each change of whom devices trust. */
  version: z.int().min(1),
  /** `moving`: the old keys do not count any more, and the next ones may not all lie in their places yet. */
  phase: z.enum(['announced', 'moving', 'done']),
  part: rotationPartSchema,
  /** Milliseconds since 1970. */
  startedAtMs: z.number(),
  /** When the old one ends by itself. */
  endsAtMs: z.number(),
  /** Fingerprint of the controller's key before the last rotation of it; null before. */
  previousKeyId: digestSchema.nullable(),
});

/** How a rotation stands. */
export type RotationState = z.infer<typeof schema>;

/** Files of a part: where they lie while announced, and where in the end, in the order of moving. */
const FILES: Readonly<Record<RotationPart, readonly (readonly [next: string, current: string])[]>> = {
  'controller-key': [['controller.next.key.pem', 'controller.key.pem']],
  authority: [
    ['ca.next.key.pem', 'ca.key.pem'],
    ['ca.next.pem', 'ca.pem'],
  ],
};
/** Certificate of the authority before: certificates of devices that it has signed are looked at until they ran out. */
const RETIRED_FILE = 'ca.old.pem';

/** Path of what will take the place of the controller's key. */
export const nextKeyFile = (directory: string): string => join(directory, 'controller.next.key.pem');
/** Paths of the next authority. */
export const nextAuthorityFiles = (directory: string) => ({
  keyFile: join(directory, 'ca.next.key.pem'),
  certificateFile: join(directory, 'ca.next.pem'),
});

/** The rotations of one state directory. */
export class RotationFiles {
  readonly #directory: string;
  #state: RotationState | null;

  private constructor(directory: string, state: RotationState | null) {
    this.#directory = directory;
    this.#state = state;
  }

  /** Reads the state, and finishes what a crash has left half done. */
  static async open(directory: string): Promise<RotationFiles> {
    const path = join(directory, FILE);
    const text = existsSync(path) ? await readFile(path, 'utf8') : null;
    const files = new RotationFiles(directory, text === null ? null : schema.parse(JSON.parse(text)));
    await files.#move();
    return files;
  }

  /** Null before the first rotation. */
  get state(): RotationState | null {
    return this.#state;
  }

  /** Certificate of the authority before, PEM; null when there was none. */
  async retiredAuthority(): Promise<string | null> {
    const path = join(this.#directory, RETIRED_FILE);
    return existsSync(path) ? readFile(path, 'utf8') : null;
  }

  /** Begins: the next keys lie on the disk by now. */
  async announce(begun: Pick<RotationState, 'part' | 'startedAtMs' | 'endsAtMs'>): Promise<void> {
    const { previousKeyId = null, version = 0 } = this.#state ?? {};
    await this.#write({ ...begun, phase: 'announced', version: version + 1, previousKeyId });
  }

  /** Ends: the next keys take the places of the old ones, of which nothing is kept that could sign. */
  async finish(previousKeyId: Digest): Promise<void> {
    const state = this.#state;
    if (state?.phase !== 'announced') return;
    await this.#write({ ...state, phase: 'moving', version: state.version + 1, previousKeyId });
    await this.#move();
  }

  async #move(): Promise<void> {
    const state = this.#state;
    if (state?.phase !== 'moving') return;
    const { part } = state;
    const at = (name: string): string => join(this.#directory, name);
    const waiting = FILES[part].filter(([next]) => existsSync(at(next)));
    // The last to move is the certificate: while it waits, the one in its place is the old one.
    if (part === 'authority' && waiting.length > 0)
      await writeFile(at(RETIRED_FILE), await readFile(at('ca.pem')));
    for (const [next, current] of waiting) await rename(at(next), at(current));
    await this.#write({ ...state, phase: 'done' });
  }

  async #write(state: RotationState): Promise<void> {
    const path = join(this.#directory, FILE);
    await writeFile(`${path}.part`, JSON.stringify(state), { mode: 0o600, flush: true });
    await rename(`${path}.part`, path);
    this.#state = state;
  }

  /** Forgets next keys that were made and never announced. */
  async clear(part: RotationPart): Promise<void> {
    for (const [next] of FILES[part]) await rm(join(this.#directory, next), { force: true });
  }
}
