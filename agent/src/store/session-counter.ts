/**
 * The number of connections that the device has ever made, kept so that the next one is higher: births and wills carry
 * it. Never reused, also when the disk is full: then the number in memory goes on.
 */
import type { Disk, Log } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from './json-file.ts';

const schema = z.object({ session: z.int().min(0) });

/** The counter in a file. */
export class SessionCounter {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #log: Log;
  #session: number;

  /** @throws NanofleetError STATE_CORRUPT */
  constructor(disk: Disk, path: string, log: Log) {
    this.#disk = disk;
    this.#path = path;
    this.#log = log;
    this.#session = readJsonFile(disk, path, schema)?.session ?? 0;
  }

  /** Number of the current or last connection; 0 before the first. */
  get current(): number {
    return this.#session;
  }

  /** Number of a new connection, written down before it is used. */
  next(): number {
    this.#session += 1;
    try {
      writeJsonFile(this.#disk, this.#path, { session: this.#session });
    } catch (thrown) {
      this.#log.warn('session-not-written', { why: String(thrown) });
    }
    return this.#session;
  }
}
