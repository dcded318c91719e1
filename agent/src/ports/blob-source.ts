/**
 * The BlobSource port: pieces of content-addressed files from the controller. Owns no file and no retry.
 */

/** A piece of a blob and the size of the whole. */
export interface BlobPiece {
  readonly bytes: Uint8Array;
  readonly totalBytes: number;
  /** Content of the signature of a manifest, where it came along with it. */
  readonly signature?: Uint8Array;
}

/** Where bundles come from. */
export interface BlobSource {
  /**
   * Resolves when a transfer of several blobs may begin; left out where nothing has to be spread over time.
   * Rejects with the signal's reason.
   */
  begin?(signal: AbortSignal): Promise<void>;
  /**
   * Bytes `from` up to `from + length`, fewer at the end.
   * @param name one of `DEVICE_PATHS.blob`
   * @throws NanofleetError CONTROLLER_UNREACHABLE (retryable), or the code that the controller answered with
   */
  fetch(name: string, range: { from: number; length: number }): Promise<BlobPiece>;
}
