/**
 * The Disk port: files and directories below one root, with every durability step explicit. Owns no policy.
 * Writes are synchronous on purpose: a record is accepted once write(2) has returned, and that costs some microseconds.
 */

/** An open file. */
export interface DiskFile {
  /** Bytes from a position; fewer at the end of the file. */
  read(position: number, length: number): Uint8Array;
  /** Writes all bytes at a position, making the file longer where needed. Throws the file system's error. */
  write(bytes: Uint8Array, position: number): void;
  /** Cuts the file. */
  truncate(length: number): void;
  /** Resolves when everything written so far would survive a power cut. */
  sync(): Promise<void>;
  /** The same, holding up the program; for rare small files. */
  syncNow(): void;
  size(): number;
  close(): void;
}

/** Files as the program sees them. Paths are absolute. */
export interface Disk {
  /** Makes a directory and its parents, mode 0700; nothing when it is there. */
  makeDirectory(path: string): void;
  /** Names in a directory, sorted; none when it is missing. */
  list(path: string): string[];
  /** All bytes of a file; null when it is missing. */
  read(path: string): Uint8Array | null;
  /** Some bytes of a file that is only read, and its size; null when it is missing. */
  readPiece(
    path: string,
    range: { from: number; length: number },
  ): { bytes: Uint8Array; totalBytes: number } | null;
  /** Opens for reading and writing; made with mode 0600 when missing. */
  open(path: string): DiskFile;
  rename(from: string, to: string): void;
  /** Gives a file one more name (a hard link); whether this file system can. Throws when `to` is there. */
  link(from: string, to: string): boolean;
  /** How many names a file has, and its bytes; null when it is missing. */
  status(path: string): { readonly names: number; readonly bytes: number } | null;
  /** Removes a file; nothing when it is missing. */
  unlink(path: string): void;
  /** Removes a directory with all it holds; nothing when it is missing. */
  removeTree(path: string): void;
  /** Makes names made, renamed or removed in a directory survive a power cut. */
  syncDirectory(path: string): void;
}

/** Whether an error of the disk says that there is no space left (or no quota, or that it cannot be written to). */
export const isDiskFull = (thrown: unknown): boolean =>
  thrown instanceof Error &&
  'code' in thrown &&
  ['ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG'].includes(String(thrown.code));
