/**
 * NDJSON in, NDJSON out: one answer per line, in order, no further read while the reader is slow. A line that cannot be
 * answered gets an error with its number; the rest is answered. Never holds more than one line and one chunk.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type ItemAnswer,
  NanofleetError,
  STREAM_LINE_BYTES_MAX,
  toNanofleetError,
} from '@nanofleet/protocol';
import type { LocalService } from './local-service.ts';
import { parseJsonBytes } from './read-body.ts';
import { parseDecide } from './requests.ts';

const NEWLINE = 0x0a;

/** Cuts a stream of bytes into lines; a line that is too long comes as null, once. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer | null> {
  let rest: Buffer = Buffer.alloc(0);
  let isTooLong = false;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([rest, chunk.subarray(from, end)]);
      yield isTooLong || line.length > STREAM_LINE_BYTES_MAX ? null : line;
      rest = Buffer.alloc(0);
      isTooLong = false;
      from = end + 1;
    }
    rest = Buffer.concat([rest, chunk.subarray(from)]);
    if (rest.length > STREAM_LINE_BYTES_MAX) {
      isTooLong = true;
      rest = Buffer.alloc(0);
    }
  }
  if (isTooLong) yield null;
  else if (rest.length > 0) yield rest;
}

/** What was wrong with an item, by its number from 0. */
export const itemError = (thrown: unknown, item: number): ItemAnswer => {
  const { code, message } = toNanofleetError(thrown);
  return { error: { code, message: message.slice(0, 2_000), item } };
};

const answerLine = async (service: LocalService, line: Buffer | null, item: number): Promise<ItemAnswer> => {
  try {
    if (line === null) {
      const problem = `line ${item + 1} is longer than ${STREAM_LINE_BYTES_MAX} bytes`;
      throw new NanofleetError('BODY_TOO_LARGE', problem);
    }
    const { text, ...ask } = parseDecide(parseJsonBytes(line));
    return await service.decide(text, ask);
  } catch (thrown) {
    return itemError(thrown, item);
  }
};

/** Whether a line holds nothing; such lines are skipped, but counted. */
const isBlank = (line: Buffer | null): boolean => line !== null && line.toString('latin1').trim() === '';

/** Answers a request line by line. Resolves when the last answer is written, or the other side has gone. */
export const answerStream = async (
  service: LocalService,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const gone = once(response, 'close');
  let item = 0;
  for await (const line of linesOf(request)) {
    if (response.destroyed) return;
    if (!isBlank(line)) {
      const answer = await answerLine(service, line, item);
      const isRoom = response.write(`${JSON.stringify(answer)}\n`);
      if (!isRoom) await Promise.race([once(response, 'drain'), gone]);
    }
    item += 1;
  }
  response.end();
};
