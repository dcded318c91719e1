/**
 * The reply to one decision as it comes, as NDJSON: pieces of text, at last the decision. Ends with the other side; never
 * holds more than what the reader has not taken, which the length of a reply bounds.
 */
import type { ServerResponse } from 'node:http';
import type { ReplyLine } from '@nanofleet/protocol';
import type { LocalService } from './local-service.ts';

/** Answers with a reply. @throws NanofleetError DECISION_UNKNOWN */
export const answerReply = (service: LocalService, id: string, response: ServerResponse): void => {
  const waiting: ReplyLine[] = [];
  let write = (line: ReplyLine): void => void waiting.push(line);
  // Throws before anything is sent, so that an unknown decision is a problem with its status.
  const stop = service.reply(id, (line) => write(line));
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  write = (line) => {
    response.write(`${JSON.stringify(line)}\n`);
    if ('decision' in line) response.end();
  };
  for (const line of waiting) write(line);
  response.on('close', stop);
};
