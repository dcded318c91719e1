/**
 * The BlobSource over MQTT: a request for each piece, and the frame that answers it. For devices that reach the broker only; owns what is
 * awaited, never the connection.
 */
import {
  BLOB_ASK_MS,
  type BlobRefusal,
  type BlobRequest,
  decodeBlobPiece,
  type Frame,
  NanofleetError,
  type Uuid,
} from '@nanofleet/protocol';
import { type Clock, newId, type Random } from '@nanofleet/runtime/ports';
import type { BlobPiece, BlobSource } from '../ports/blob-source.ts';

/** What it needs. */
export interface AskedBlobsOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Sends a request; rejects without a connection. */
  readonly ask: (request: BlobRequest) => Promise<void>;
}

interface Awaited {
  readonly arrived: (piece: BlobPiece) => void;
  readonly failed: (error: NanofleetError) => void;
}

/** Blobs that are asked for over the link. */
export class AskedBlobs implements BlobSource {
  readonly #options: AskedBlobsOptions;
  readonly #awaited = new Map<Uuid, Awaited>();

  constructor(options: AskedBlobsOptions) {
    this.#options = options;
  }

  /** @throws NanofleetError CONTROLLER_UNREACHABLE, LINK_UNAVAILABLE, or the code that the controller answered with */
  async fetch(name: string, { from, length }: { from: number; length: number }): Promise<BlobPiece> {
    const { ask, clock, random } = this.#options;
    const transfer = newId(clock, random);
    let giveUp = (): void => undefined;
    const answer = new Promise<BlobPiece>((arrived, failed) => {
      this.#awaited.set(transfer, { arrived, failed });
      giveUp = clock.after(BLOB_ASK_MS, () => failed(silent(name)));
    });
    try {
      const [piece] = await Promise.all([answer, ask({ transfer, name, from, length })]);
      return piece;
    } finally {
      giveUp();
      this.#awaited.delete(transfer);
    }
  }

  /** A piece has arrived; one that nobody waits for any more changes nothing. */
  take({ correlation, payload }: Frame): void {
    this.#awaited.get(correlation)?.arrived(decodeBlobPiece(payload));
  }

  /** The controller has none. */
  refused({ code, message, transfer }: BlobRefusal): void {
    const here = code === 'NOT_FOUND' ? 'BUNDLE_FILE_MISSING' : code;
    this.#awaited.get(transfer)?.failed(new NanofleetError(here, message));
  }
}

const silent = (name: string): NanofleetError =>
  new NanofleetError(
    'CONTROLLER_UNREACHABLE',
    `the controller sent no piece of blob ${name} over MQTT within ${BLOB_ASK_MS / 1_000} s`,
  );
