/**
 * All lines' slots: finds them at the start, makes new ones as they are asked for, within the bound. Never touches a
 * bundle itself.
 */
import { dirname, join } from 'node:path';
import {
  type DesiredState,
  LINES_MAX,
  type LineReport,
  lineIdSchema,
  NanofleetError,
} from '@nanofleet/protocol';
import type { CheckedBundle } from '@nanofleet/runtime/node';
import type { BlobSource } from '../ports/blob-source.ts';
import { ContentStore } from './content-store.ts';
import { LineSlot, type LineSlotOptions } from './line-slot.ts';
import type { LocalBundle } from './local-bundles.ts';

/** What the slots need. */
export interface SlotsOptions extends Omit<LineSlotOptions, 'line' | 'directory' | 'content'> {
  /** Directory of all lines; what they hold lies by its content in `../content`. */
  readonly directory: string;
  /** Where desired bundles come from. */
  readonly blobs: BlobSource;
  /** Told when a wish cannot even be begun. */
  readonly refused: (error: NanofleetError) => void;
}

/** The slots of a device. */
export class Slots {
  readonly #options: SlotsOptions;
  readonly #slots = new Map<string, LineSlot>();
  readonly #content: ContentStore;

  constructor(options: SlotsOptions) {
    this.#options = options;
    this.#content = new ContentStore(options.disk, join(dirname(options.directory), 'content'));
  }

  /** Loads what was accepted, and first versions for lines that have none. */
  async start(bundles: readonly LocalBundle[]): Promise<void> {
    const { disk, directory } = this.#options;
    disk.makeDirectory(directory);
    for (const name of disk.list(directory)) {
      if (lineIdSchema.safeParse(name).success) await this.#slotOf(name).start();
    }
    for (const { line, wish, blobs } of bundles) {
      const slot = this.#slotOf(line);
      if (!slot.isEmpty) continue;
      slot.want(wish, blobs, { isShipped: true });
      await slot.settled();
    }
  }

  /** Asks each line for what is desired. A line that is not mentioned stays as it is. */
  apply(lines: DesiredState['lines']): void {
    for (const [line, wish] of Object.entries(lines)) {
      if (wish === undefined) continue;
      if (!this.#slots.has(line) && this.#slots.size >= LINES_MAX) {
        this.#options.refused(
          new NanofleetError('LINES_TOO_MANY', `line ${line} would be one more than ${LINES_MAX} lines`),
        );
      } else this.#slotOf(line).want(wish, this.#options.blobs);
    }
  }

  /**
   * The files of a bundle that a line runs, checked once more.
   * @throws NanofleetError LINE_UNKNOWN, or of the first check that fails
   */
  open(line: string, digest: string): Promise<CheckedBundle> {
    const slot = this.#slots.get(line);
    if (slot !== undefined) return slot.open(digest);
    return Promise.reject(new NanofleetError('LINE_UNKNOWN', `no line ${line} runs here`));
  }

  /** Whether some line has yet to come to what is desired: its steps will be told. One that has refused it has not. */
  isBehind(lines: DesiredState['lines']): boolean {
    return Object.entries(lines).some(
      ([line, wish]) => wish !== undefined && this.#slots.get(line)?.isBehind(wish) === true,
    );
  }

  /** What each line does. */
  reports(): Record<string, LineReport> {
    return Object.fromEntries([...this.#slots].map(([line, slot]) => [line, slot.report()]));
  }

  /** Resolves when nothing is being worked on. */
  async settled(): Promise<void> {
    await Promise.all([...this.#slots.values()].map((slot) => slot.settled()));
  }

  /** Gives up what is being worked on. */
  async close(): Promise<void> {
    await Promise.all([...this.#slots.values()].map((slot) => slot.close()));
  }

  #slotOf(line: string): LineSlot {
    const found = this.#slots.get(line);
    if (found !== undefined) return found;
    const content = this.#content;
    const directory = join(this.#options.directory, line);
    const slot = new LineSlot({ ...this.#options, content, line, directory });
    this.#slots.set(line, slot);
    return slot;
  }
}
