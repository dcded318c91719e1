/**
 * RFC 9457 problems: an error of the registry as JSON for HTTP, and back. Never shows a cause or a stack.
 */
import { ERRORS, NanofleetError } from './errors.ts';
import { type Problem, problemSchema } from './local-api.ts';

/** Media type of a problem. */
export const PROBLEM_TYPE = 'application/problem+json';

/** The problem that tells a client about an error. */
export const problemOf = (error: NanofleetError): Problem => ({
  type: `urn:nanofleet:error:${error.code}`,
  title: ERRORS[error.code].title,
  status: error.status,
  detail: error.code === 'INTERNAL' ? ERRORS.INTERNAL.title : error.message,
  code: error.code,
  ...(Object.keys(error.facts).length > 0 ? { facts: { ...error.facts } } : {}),
});

/** The error behind a response body; null when the body is no problem of ours. */
export const errorOfProblem = (body: unknown): NanofleetError | null => {
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success) return null;
  return new NanofleetError(parsed.data.code, parsed.data.detail, { facts: parsed.data.facts ?? {} });
};
