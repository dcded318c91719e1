/**
 * The built dashboard in memory: each file with its type, its tag and its compressed form. Reads the folder again when
 * the page was built anew. Never serves anything but what was in the folder.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const PAGE = 'index.html';
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** Fonts are compressed already. */
const COMPRESSED = new Set(['.woff2']);
/** 30 ms for the whole page; the best quality would cost a second for 5 % less. */
const BROTLI_QUALITY = 6;

/** One file of the dashboard. */
export interface SiteFile {
  readonly type: string;
  readonly etag: string;
  readonly bytes: Buffer;
  /** Compressed with brotli; null when that would not be smaller. */
  readonly brotli: Buffer | null;
}

/** The files by their path below the folder. */
export type SiteFiles = ReadonlyMap<string, SiteFile>;

const fileOf = (name: string, bytes: Buffer): SiteFile => {
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } };
  const brotli = COMPRESSED.has(extname(name)) ? null : brotliCompressSync(bytes, quality);
  return {
    type: TYPES[extname(name)] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
    bytes,
    brotli: brotli !== null && brotli.length < bytes.length ? brotli : null,
  };
};

const namesBelow = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
};

/** The built dashboard below a folder. */
export class Site {
  readonly #folder: string;
  #stamp = '';
  #files: SiteFiles = new Map();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The page itself; null when it is not built. */
  page(): Promise<SiteFile | null> {
    return this.file(PAGE);
  }

  /** One file; null when there is none of this name. */
  async file(name: string): Promise<SiteFile | null> {
    await this.#refresh();
    return this.#files.get(name) ?? null;
  }

  async #refresh(): Promise<void> {
    // The page names every other file by its content, so that a new build is a new page.
    const found = await stat(join(this.#folder, PAGE)).catch(() => null);
    const stamp = found === null ? '' : `${found.mtimeMs} ${found.ino} ${found.size}`;
    if (stamp === this.#stamp) return;
    const files = new Map<string, SiteFile>();
    for (const name of found === null ? [] : await namesBelow(this.#folder)) {
      files.set(name, fileOf(name, await readFile(join(this.#folder, name))));
    }
    this.#files = files;
    this.#stamp = stamp;
  }
}
