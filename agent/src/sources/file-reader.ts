/**
 * Lines that are appended to a file: follows a renamed file to its end, then the new one of its name; begins again at a
 * file that was cut; goes on after a restart where it was. Owns the open file; its position is in the record.
 */
import { NanofleetError } from '@nanofleet/protocol';
import type { SourceFile, SourceFiles } from '../ports/source-files.ts';
import type { PositionRecord } from './file-position.ts';
import { LineCutter } from './line-cutter.ts';
import type { SourceOf } from './source-config.ts';
import type { ReaderTarget, SourceReader } from './source-reader.ts';

const CHUNK_BYTES = 64 * 1024;
/** How often it is looked whether there is more, milliseconds: some microseconds each time. */
const LOOK_MS = 250;

/** What a reader of a file needs. */
export interface FileReaderOptions {
  readonly config: SourceOf<'file'>;
  readonly files: SourceFiles;
  readonly openRecord: () => PositionRecord;
}

/** Reads the file of a source. */
export class FileReader implements SourceReader {
  readonly #options: FileReaderOptions;

  constructor(options: FileReaderOptions) {
    this.#options = options;
  }

  async run(target: ReaderTarget, signal: AbortSignal): Promise<void> {
    const record = this.#options.openRecord();
    const tail = new FileTail(this.#options, record);
    try {
      while (!signal.aborted) {
        if (!(await tail.step(target, signal))) await target.pause(LOOK_MS);
      }
    } finally {
      tail.close();
      record.close();
    }
  }
}

class FileTail {
  readonly #options: FileReaderOptions;
  readonly #record: PositionRecord;
  #file: SourceFile | null = null;
  /** Of the first byte that no line given on has. */
  #offset = 0;
  /** Of the first byte that was not read. */
  #readTo = 0;
  #cutter: LineCutter;

  constructor(options: FileReaderOptions, record: PositionRecord) {
    this.#options = options;
    this.#record = record;
    this.#cutter = this.#newCutter();
  }

  /** Reads a piece; false when there is nothing new. */
  async step(target: ReaderTarget, signal: AbortSignal): Promise<boolean> {
    const file = this.#file ?? this.#open(target);
    if (file.size() < this.#readTo) await this.#goTo(file, target);
    const chunk = file.read(this.#readTo, CHUNK_BYTES);
    if (chunk.length === 0) return this.#moveOn(file, target);
    this.#readTo += chunk.length;
    for (const line of this.#cutter.push(chunk)) {
      if (signal.aborted) return true;
      await this.#give(file, line, target);
    }
    return true;
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  async #give(
    file: SourceFile,
    { text, bytes }: { text: string | null; bytes: number },
    target: ReaderTarget,
  ): Promise<void> {
    if (text === null) target.drop('tooLarge');
    else if (text.trim() !== '') await target.put({ text });
    this.#offset += bytes;
    this.#record.write({ identity: file.identity, offset: this.#offset });
  }

  #open(target: ReaderTarget): SourceFile {
    const { config, files } = this.#options;
    const known = this.#record.read();
    const rotated =
      known === null || files.identityOf(config.file) === known.identity
        ? null
        : files.findBeside(config.file, known.identity);
    const file = files.open(rotated ?? config.file);
    if (file === null)
      throw new NanofleetError('SOURCE_FAILED', `there is no file ${config.file}`, {
        facts: { file: config.file },
      });
    const isFirst = known === null && config.from === 'end';
    this.#file = file;
    this.#offset = known?.identity === file.identity ? known.offset : isFirst ? file.size() : 0;
    this.#readTo = this.#offset;
    this.#cutter = this.#newCutter();
    this.#record.write({ identity: file.identity, offset: this.#offset });
    target.opened();
    return file;
  }

  /** From the first byte of a file: a new one, or one that was cut. */
  async #goTo(file: SourceFile, target: ReaderTarget): Promise<void> {
    this.#offset = 0;
    this.#readTo = 0;
    this.#cutter = this.#newCutter();
    this.#record.write({ identity: file.identity, offset: 0 });
    await target.interrupt();
  }

  /** At the end of a file that was renamed, goes on to the new one of the name, when that is there. */
  async #moveOn(file: SourceFile, target: ReaderTarget): Promise<boolean> {
    const { config, files } = this.#options;
    const current = files.identityOf(config.file);
    if (current === null || current === file.identity) return false;
    for (const line of this.#cutter.end()) await this.#give(file, line, target);
    const next = files.open(config.file);
    if (next === null) return false;
    file.close();
    this.#file = next;
    this.#offset = 0;
    this.#readTo = 0;
    this.#record.write({ identity: next.identity, offset: 0 });
    return true;
  }

  #newCutter(): LineCutter {
    return new LineCutter(this.#options.config.limits.messageBytes);
  }
}
