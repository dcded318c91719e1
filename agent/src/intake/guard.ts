/**
 * Who may use the loopback listener: programs that can read the token file, under a name of this machine, never a web
 * page. A page in a browser could reach a loopback port by DNS rebinding; Host and Origin stop that.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LOCAL_PATHS, NanofleetError } from '@nanofleet/protocol';

const NAMES = new Set(['127.0.0.1', 'localhost', '[::1]']);

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const checkHost = ({ headers, socket }: IncomingMessage): void => {
  const host = headers.host ?? '';
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (NAMES.has(name) && host.endsWith(`:${socket.localPort}`)) return;
  throw new NanofleetError('HOST_REFUSED', `this listener is not ${JSON.stringify(host.slice(0, 100))}`);
};

const checkToken = (authorization: string | undefined, expected: Buffer): void => {
  if (authorization === undefined) {
    throw new NanofleetError(
      'TOKEN_MISSING',
      'send "Authorization: Bearer …" with the word in the file http-token',
    );
  }
  const given = /^Bearer\s+(\S+)$/i.exec(authorization)?.[1] ?? '';
  if (!timingSafeEqual(digest(given), expected))
    throw new NanofleetError('TOKEN_INVALID', 'the token is not the one in the file http-token');
};

/** Checks one request of the loopback listener; throws HOST_REFUSED, ORIGIN_REFUSED, TOKEN_MISSING, TOKEN_INVALID. */
export type Guard = (request: IncomingMessage) => void;

/** Makes the check for a token. */
export const makeGuard = (token: string): Guard => {
  const expected = digest(token);
  return (request) => {
    checkHost(request);
    if (request.headers.origin !== undefined) {
      throw new NanofleetError('ORIGIN_REFUSED', 'web pages may not use this listener');
    }
    if (request.url !== LOCAL_PATHS.health) checkToken(request.headers.authorization, expected);
  };
};
