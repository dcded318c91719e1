/**
 * Follows the reply to a decision from the agent on this device. Owns the way there and reading its lines; never prints.
 */
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { type Decision, type ReplyLine, replyLineSchema } from '@nanofleet/protocol';
import { systemClock } from '../ports/system-clock.ts';
import { unreachable } from './local-client.ts';

/** A piece of the text. */
export type ReplyPiece = Extract<ReplyLine, { text: string }>;

/**
 * Shows each piece, and gives the decision at the end; null when the time was over before it.
 * @throws NanofleetError LINK_UNAVAILABLE
 */
export const followReply = (
  socketPath: string,
  path: string,
  { show, waitMs }: { show: (piece: ReplyPiece) => void; waitMs: number },
): Promise<Decision | null> =>
  new Promise((resolve, reject) => {
    const patience = new AbortController();
    const { signal } = patience;
    const cancel = systemClock.after(waitMs, () => patience.abort());
    const call = request({ socketPath, path, signal }, (response) => {
      const lines = createInterface({ input: response });
      lines.on('line', (line) => {
        const parsed = replyLineSchema.safeParse(JSON.parse(line));
        if (!parsed.success) return;
        if ('text' in parsed.data) show(parsed.data);
        else resolve(parsed.data.decision);
      });
      response.on('error', () => resolve(null));
      lines.on('close', () => resolve(null));
    });
    call.on('error', (cause) => {
      if (signal.aborted) resolve(null);
      else reject(unreachable(socketPath, cause));
    });
    call.on('close', cancel);
    call.end();
  });
