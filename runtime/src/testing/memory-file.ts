/**
 * The content of a simulated file in pages: what is certain, what was written since, and what of that a power cut may
 * leave. Pages that hold only zeros take no memory: an agent prepares megabytes of them, and a fleet has hundreds.
 */
import type { Random } from '../ports/random.ts';

const PAGE_BYTES = 4_096;
const SECTOR_BYTES = 512;

interface Write {
  readonly position: number;
  /** Null for zeros. */
  readonly bytes: Uint8Array | null;
  readonly length: number;
}

type Step = Write | { readonly truncatedTo: number };

/** Bytes by page; a page is never changed once it is shared. */
class Pages {
  length = 0;
  readonly #pages: Map<number, Uint8Array>;

  constructor(pages: Map<number, Uint8Array> = new Map(), length = 0) {
    this.#pages = pages;
    this.length = length;
  }

  copy(): Pages {
    return new Pages(new Map(this.#pages), this.length);
  }

  read(position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.length - position)));
    for (const { page, from, inPage, count } of spans(position, bytes.length)) {
      const found = this.#pages.get(page);
      if (found !== undefined) bytes.set(found.subarray(inPage, inPage + count), from);
    }
    return bytes;
  }

  write({ position, bytes, length }: Write): void {
    for (const { page, from, inPage, count } of spans(position, length)) {
      const before = this.#pages.get(page);
      if (before === undefined && bytes === null) continue;
      const after = before === undefined ? new Uint8Array(PAGE_BYTES) : before.slice();
      if (bytes === null) after.fill(0, inPage, inPage + count);
      else after.set(bytes.subarray(from, from + count), inPage);
      this.#pages.set(page, after);
    }
    this.length = Math.max(this.length, position + length);
  }

  truncate(length: number): void {
    const cut = length < this.length ? this.length - length : 0;
    if (cut > 0) this.write({ position: length, bytes: null, length: cut });
    this.length = length;
  }
}

/** The parts of a range, page by page. */
function* spans(position: number, length: number) {
  for (let from = 0; from < length; ) {
    const at = position + from;
    const inPage = at % PAGE_BYTES;
    const count = Math.min(PAGE_BYTES - inPage, length - from);
    yield { page: Math.floor(at / PAGE_BYTES), from, inPage, count };
    from += count;
  }
}

const isZeros = (bytes: Uint8Array): boolean => {
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] !== 0) return false;
  return true;
};

/** One file. */
export class MemoryFile {
  #durable = new Pages();
  #current = new Pages();
  #unsynced: Step[] = [];

  get length(): number {
    return this.#current.length;
  }

  read(position: number, length: number): Uint8Array {
    return this.#current.read(position, length);
  }

  write(bytes: Uint8Array, position: number): void {
    // A copy: `slice` of a Buffer would be a view, and whoever writes uses its buffer again.
    const step = { position, bytes: isZeros(bytes) ? null : Uint8Array.from(bytes), length: bytes.length };
    this.#current.write(step);
    this.#unsynced.push(step);
  }

  truncate(length: number): void {
    this.#current.truncate(length);
    this.#unsynced.push({ truncatedTo: length });
  }

  sync(): void {
    this.#durable = this.#current.copy();
    this.#unsynced = [];
  }

  /** The file after `kill -9`: everything written. */
  written(): MemoryFile {
    return MemoryFile.#of(this.#current.copy());
  }

  /** The file after a power cut: what was synced, and of the rest what chance leaves. */
  survivor(random: Random): MemoryFile {
    const pages = this.#durable.copy();
    for (const step of this.#unsynced) leave(pages, step, random.share());
    return MemoryFile.#of(pages);
  }

  static #of(pages: Pages): MemoryFile {
    const file = new MemoryFile();
    file.#current = pages;
    file.#durable = pages.copy();
    return file;
  }
}

/** Writes of at most a sector are whole or missing; longer ones may be torn. */
const leave = (pages: Pages, step: Step, chance: number): void => {
  if (chance < 0.3) return;
  if ('truncatedTo' in step) pages.truncate(step.truncatedTo);
  else if (chance < 0.5 && step.length > SECTOR_BYTES) {
    const length = Math.floor(step.length / 2);
    pages.write({ position: step.position, bytes: step.bytes?.subarray(0, length) ?? null, length });
  } else pages.write(step);
};
