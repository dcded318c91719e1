/** The SourceFiles port: files of others that are only read, known by device and inode so that a rotated one is found again. */

/** An open file. */
export interface SourceFile {
  /** Stays the same when the file is renamed. */
  readonly identity: string;
  size(): number;
  /** Bytes from a position; fewer at the end. */
  read(position: number, length: number): Uint8Array;
  close(): void;
}

/** Files as sources see them. */
export interface SourceFiles {
  /** Null when it is missing. Throws the file system's error for everything else. */
  open(path: string): SourceFile | null;
  /** Null when it is missing. */
  identityOf(path: string): string | null;
  /** The path in the directory of a file, of the file of an identity; null when there is none among the first thousand. */
  findBeside(path: string, identity: string): string | null;
}
