/**
 * How far a file was read, kept over restarts. Owns the bytes of that record and their durability: each is written
 * before the next line is read, so that a killed process repeats at most the one line that it was at.
 */
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '@nanofleet/runtime/ports';
import { z } from 'zod';

const RECORD_BYTES = 128;
const positionSchema = z.object({ identity: z.string().max(64), offset: z.int().min(0) });

/** Which file was read how far. */
export type FilePosition = z.infer<typeof positionSchema>;

/** The record of one source. */
export class PositionRecord {
  readonly #file: DiskFile;

  /** Opens or makes it. */
  constructor(disk: Disk, path: string) {
    this.#file = disk.open(path);
  }

  /** What was written last; null when nothing was, or what is there is damaged. */
  read(): FilePosition | null {
    const [sum = '', json = ''] = Buffer.from(this.#file.read(0, RECORD_BYTES))
      .toString('utf8')
      .trim()
      .split(/ (.*)/);
    if (json === '' || sum !== String(crc32(json))) return null;
    return positionSchema.parse(JSON.parse(json));
  }

  /** One write(2); it survives the end of the process at once. */
  write(position: FilePosition): void {
    const json = JSON.stringify(position);
    this.#file.write(Buffer.from(`${crc32(json)} ${json}`.padEnd(RECORD_BYTES)), 0);
  }

  close(): void {
    this.#file.syncNow();
    this.#file.close();
  }
}
