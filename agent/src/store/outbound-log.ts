/**
 * The outbound log: one line for each question, update or text for a sink that left the device, written before it leaves. Holds times,
 * ids, sizes and counts, never content. Owns its bound: beyond it the oldest half is forgotten, and counted.
 */

import {
  OUTBOUND_LOG_BYTES_MAX,
  type OutboundAnswer,
  type OutboundEntry,
  outboundEntrySchema,
} from '@nanofleet/protocol';
import type { Disk, DiskFile, Log } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import { writeAtomically } from './atomic-file.ts';

/** First line after a trim: how many were forgotten ever, and for which key last. */
const forgottenSchema = z.object({ forgotten: z.int().min(0), trimmedFor: z.string().optional() });

/** The log in a file. */
export class OutboundLog {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #log: Log;
  #file: DiskFile;
  #end: number;
  #seen = new Set<string>();

  constructor(disk: Disk, path: string, log: Log) {
    this.#disk = disk;
    this.#path = path;
    this.#log = log;
    this.#file = disk.open(path);
    this.#end = this.#file.size();
    this.#seen = seenIn(this.read().entries);
  }

  /** Notes what is about to leave; a question or update that is sent again is noted once. */
  note(entry: OutboundEntry): void {
    const id = idOf(entry);
    if (id !== undefined && this.#seen.has(id)) return;
    if (this.#end >= OUTBOUND_LOG_BYTES_MAX) this.#trim();
    const line = Buffer.from(`${JSON.stringify(entry)}\n`, 'utf8');
    this.#file.write(line, this.#end);
    this.#end += line.length;
    if (id !== undefined) this.#seen.add(id);
  }

  /** Everything noted, oldest first, and how many were forgotten at the bound. A torn line is left out. */
  read(): OutboundAnswer {
    const { entries, forgotten } = this.#content();
    return { entries, forgotten };
  }

  /** Forgets the oldest half, once for a key: the key is in the file that is cut, so both are there or neither. Throws the disk's error. */
  trimFor(key: string): void {
    if (this.#content().trimmedFor !== key) this.#forgetHalf(key);
  }

  #content(): OutboundAnswer & { trimmedFor: string | undefined } {
    const entries: OutboundEntry[] = [];
    let head: z.infer<typeof forgottenSchema> = { forgotten: 0 };
    for (const line of Buffer.from(this.#file.read(0, this.#end)).toString('utf8').split('\n')) {
      if (line === '') continue;
      const value = parseLine(line);
      const entry = outboundEntrySchema.safeParse(value);
      if (entry.success) entries.push(entry.data);
      head = forgottenSchema.safeParse(value).data ?? head;
    }
    return { entries, forgotten: head.forgotten, trimmedFor: head.trimmedFor };
  }

  #trim(): void {
    try {
      this.#forgetHalf(this.#content().trimmedFor);
    } catch (thrown) {
      this.#log.warn('outbound-not-trimmed', { why: String(thrown) });
    }
  }

  #forgetHalf(trimmedFor: string | undefined): void {
    const { entries, forgotten } = this.#content();
    const kept = entries.slice(Math.ceil(entries.length / 2));
    const lines = [{ forgotten: forgotten + entries.length - kept.length, trimmedFor }, ...kept];
    try {
      writeAtomically(this.#disk, this.#path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    } finally {
      // Also a failed replacement may have taken the place of the file.
      this.#file.close();
      this.#file = this.#disk.open(this.#path);
      this.#end = this.#file.size();
      this.#seen = seenIn(this.read().entries);
    }
  }
}

const idOf = ({ decision, round, sink }: OutboundEntry): string | undefined => {
  const id = decision ?? round;
  return sink === undefined ? id : `${sink} ${id}`;
};

const seenIn = (entries: readonly OutboundEntry[]): Set<string> =>
  new Set(entries.flatMap((entry) => idOf(entry) ?? []));

const parseLine = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    // Torn by a crash in the middle of a write.
    return null;
  }
};
