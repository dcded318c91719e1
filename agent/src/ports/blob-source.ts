/**
 * The BlobSource port: pieces of content-addressed files from the controller. Owns no file and no retry.
 */

/** A piece of a blob and the size of the whole. */
export interface BlobPiece {
  readonly bytes: Uint8Array;
  readonly totalBytes: number;
}

/** Where bundles come from. */
export interface BlobSource {
  /**
   * Bytes `from` up to `from + length`, fewer at the end.
   * @param name a digest, or `{digest}.sig`
   * @throws NanofleetError CONTROLLER_UNREACHABLE (retryable), or the code that the controller answered with
   */
  fetch(name: string, range: { from: number; length: number }): Promise<BlobPiece>;
}
