/**
 * One call of the operator API as values: route and arguments to an HTTP request, HTTP response to a checked answer.
 * Every client of the API builds on it. Never opens a connection and never holds a token.
 */
import { API, type ApiAnswer, type ApiCall, type ApiRoute } from './api.ts';
import { NanofleetError } from './errors.ts';
import { errorOfProblem } from './problem.ts';

/** What goes over HTTP; `path` begins with a slash and carries the query. */
export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body: Uint8Array | string | null;
  readonly contentType: string | null;
}

/**
 * The HTTP request of a route.
 * @throws NanofleetError INPUT_INVALID when an argument does not have the form that the route asks for.
 */
export const httpCallOf = <R extends ApiRoute>(route: R, call: ApiCall<R> = {}): HttpCall => {
  const { method, path, params, query, body } = API[route];
  const given = record(check(params, call.params ?? {}, route));
  const search = new URLSearchParams(asked(record(call.query))).toString();
  check(query, call.query ?? {}, route);
  const filled = path.replace(/:([a-z]+)/gi, (_, name: string) => encodeURIComponent(word(given[name])));
  const target = search === '' ? filled : `${filled}?${search}`;
  if (body === 'bytes') {
    const bytes = call.body instanceof Uint8Array ? call.body : new Uint8Array();
    return { method, path: target, body: bytes, contentType: 'application/octet-stream' };
  }
  const checked = check(body, call.body ?? {}, route);
  if (method === 'GET' || method === 'DELETE') return { method, path: target, body: null, contentType: null };
  return { method, path: target, body: JSON.stringify(checked), contentType: 'application/json' };
};

/**
 * The answer inside an HTTP response.
 * @throws NanofleetError the controller's own error, or MESSAGE_MALFORMED for a body that is no answer of this route.
 */
export const apiAnswerOf = <R extends ApiRoute>(
  route: R,
  response: { readonly status: number; readonly body: string },
): ApiAnswer<R> => {
  const value = parse(response.body);
  // A probe reads the status, everybody else the body, which says which part is not ready.
  const isAnswer = response.status < 400 || (route === 'ready' && response.status === 503);
  const problem = response.status >= 400 ? errorOfProblem(value) : null;
  if (problem !== null) throw problem;
  const parsed = API[route].answer.safeParse(value);
  if (!isAnswer || !parsed.success) {
    const why = parsed.success ? '' : ` (${parsed.error.issues[0]?.path.join('.') ?? ''})`;
    const text = `The answer to ${API[route].method} ${API[route].path} was not understood: status ${response.status}${why}. Is this a nanofleet controller of a fitting version?`;
    throw new NanofleetError('MESSAGE_MALFORMED', text, { facts: { status: response.status } });
  }
  return parsed.data as ApiAnswer<R>;
};

interface Schema {
  safeParse(value: unknown): { success: boolean; data?: unknown; error?: { issues: Issue[] } | undefined };
}
interface Issue {
  readonly path: PropertyKey[];
  readonly message: string;
}

function check(schema: Schema, value: unknown, route: ApiRoute): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error?.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? 'the value' : issue.path.join('.');
  const text = `${API[route].summary}: ${where} was refused: ${issue?.message ?? 'not valid'}.`;
  throw new NanofleetError('INPUT_INVALID', text);
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

const word = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

const asked = (query: Record<string, unknown>): [string, string][] =>
  Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, word(value)] as [string, string]],
  );

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // Not JSON is not an answer: the caller reports it with the status.
    return undefined;
  }
}
