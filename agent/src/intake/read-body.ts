/**
 * Reads the body of a request: bounded, as JSON in UTF-8. A body that is too long is read to its end and thrown away,
 * because a client that is still writing would not see the answer otherwise.
 */
import type { IncomingMessage } from 'node:http';
import { BODY_BYTES_MAX, NanofleetError } from '@nanofleet/protocol';

/** Beyond this nobody is listened to any longer. */
const DISCARD_BYTES_MAX = 8 * BODY_BYTES_MAX;

const tooLarge = (): NanofleetError =>
  new NanofleetError('BODY_TOO_LARGE', `the body is longer than ${BODY_BYTES_MAX} bytes; send less at once`, {
    facts: { bytesMax: BODY_BYTES_MAX },
  });

const malformed = (why: string, cause?: unknown): NanofleetError =>
  new NanofleetError('INPUT_INVALID', `the body is not ${why}`, { cause });

/** All bytes of a body. @throws NanofleetError BODY_TOO_LARGE */
const readBytes = (request: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes <= BODY_BYTES_MAX) pieces.push(piece);
      else pieces.length = 0;
      if (bytes > DISCARD_BYTES_MAX) request.destroy();
    });
    request.on('end', () => {
      const [only] = pieces;
      if (bytes > BODY_BYTES_MAX) reject(tooLarge());
      else resolve(pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces));
    });
    request.on('error', (cause) => reject(malformed('whole', cause)));
    // It also comes after every whole body, where making an error would only cost time.
    request.on('close', () => {
      if (!request.complete) reject(malformed('whole'));
    });
  });

/** The value in JSON bytes. @throws NanofleetError INPUT_INVALID; the message never quotes the input */
export const parseJsonBytes = (bytes: Uint8Array): unknown => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  try {
    // Only a text with the replacement character can have come from broken UTF-8: the strict decoder is slower.
    if (text.includes('\ufffd')) new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return JSON.parse(text);
  } catch {
    // The parser's message would quote what the caller sent.
    throw malformed('JSON in UTF-8');
  }
};

/** The JSON value of a request's body. @throws NanofleetError BODY_TOO_LARGE or INPUT_INVALID */
export const readJson = async (request: IncomingMessage): Promise<unknown> =>
  parseJsonBytes(await readBytes(request));

/** The text of a request's body. @throws NanofleetError BODY_TOO_LARGE or INPUT_INVALID */
export const readText = async (request: IncomingMessage): Promise<string> => {
  const bytes = await readBytes(request);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed('text in UTF-8');
  }
};
