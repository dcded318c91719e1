/**
 * Turns everything thrown on the way to an answer into an RFC 9457 problem. Never shows a cause or a stack; those go
 * to the log.
 */

import {
  type ErrorCode,
  NanofleetError,
  PROBLEM_TYPE,
  problemOf,
  toNanofleetError,
} from '@nanofleet/protocol';
import type { Log } from '@nanofleet/runtime/ports';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { isDatabaseGone } from '../db/database.ts';
import { factsOf, LOG } from '../ports/log.ts';

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'INPUT_INVALID',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'BODY_TOO_LARGE',
  415: 'INPUT_INVALID',
};

/** The filter of all routes. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOG) private readonly log: Log) {}

  /** Answers with the problem. */
  catch(thrown: unknown, host: ArgumentsHost): void {
    const error = registered(thrown);
    if (error.status >= 500) this.log.error('a request failed', factsOf(error));
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (reply.sent) return;
    void reply
      .status(error.status)
      .header('content-type', PROBLEM_TYPE)
      .send(JSON.stringify(problemOf(error)));
  }
}

const statusOf = (thrown: unknown): number => {
  if (thrown instanceof HttpException) return thrown.getStatus();
  // Fastify's own refusals (body too large, media type) carry it as a field.
  return thrown instanceof Error && 'statusCode' in thrown ? Number(thrown.statusCode) : 0;
};

/** What was thrown as one of our errors. */
export const registered = (thrown: unknown): NanofleetError => {
  if (thrown instanceof NanofleetError) return thrown;
  if (isDatabaseGone(thrown)) {
    return new NanofleetError('DATABASE_UNAVAILABLE', 'The database does not answer; try again.', {
      cause: thrown,
    });
  }
  const code = CODES[statusOf(thrown)];
  return code === undefined
    ? toNanofleetError(thrown)
    : new NanofleetError(code, thrown instanceof Error ? thrown.message : code, { cause: thrown });
};
