/**
 * Asks the agent that runs on this device, over its Unix socket. Owns the way there and the errors on it; never formats.
 */
import { request } from 'node:http';
import { join } from 'node:path';
import { errorOfProblem, NanofleetError } from '@nanofleet/protocol';
import { type Flags, optional } from './command.ts';

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** Above the longest wait that a question may ask for. */
const DEADLINE_MS = 90_000;

/** The directory that a command is about. */
export const directoryOf = (flags: Flags): string => optional(flags, 'dir') ?? '.nanofleet-agent';

/** The socket that a command is about. */
export const socketOf = (flags: Flags): string =>
  optional(flags, 'socket') ?? join(directoryOf(flags), 'agent.sock');

/** Nothing answers on a socket. */
export const unreachable = (socket: string, cause: unknown): NanofleetError => {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NanofleetError(
    'LINK_UNAVAILABLE',
    `no agent answers on ${socket} (${why}). Start it: nanofleet-agent run --dir DIR`,
    { cause },
  );
};

const send = (
  socketPath: string,
  path: string,
  body: string | null,
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(unreachable(socketPath, cause));
    const call = request(
      { socketPath, path, method: body === null ? 'GET' : 'POST', timeout: DEADLINE_MS },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
          if (text.length > ANSWER_BYTES_MAX) call.destroy();
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', fail);
      },
    );
    call.on('error', fail);
    call.on('timeout', () => call.destroy());
    call.end(body ?? undefined);
  });

/**
 * The answer of the agent, as JSON.
 * @throws NanofleetError LINK_UNAVAILABLE, or the error that the agent answered with
 */
export const askAgent = async (socket: string, path: string, body?: unknown): Promise<unknown> => {
  const { status, text } = await send(socket, path, body === undefined ? null : JSON.stringify(body));
  const value: unknown = JSON.parse(text);
  if (status < 400) return value;
  throw errorOfProblem(value) ?? new NanofleetError('INTERNAL', `the agent answered with status ${status}`);
};
