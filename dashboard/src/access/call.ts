/** Calls of the operator API from the page: the browser adds the session's cookie. Never sees a secret of it. */
import {
  type ApiAnswer,
  type ApiCall,
  type ApiRoute,
  apiAnswerOf,
  httpCallOf,
  NanofleetError,
  PAGE_HEADER,
} from '@nanofleet/protocol';

/**
 * One call.
 * @throws NanofleetError what the controller answered, or CONTROLLER_UNREACHABLE
 */
export const callApi = async <R extends ApiRoute>(
  route: R,
  call: ApiCall<R> = {},
  signal?: AbortSignal,
): Promise<ApiAnswer<R>> => {
  const { method, path, body, contentType } = httpCallOf(route, call);
  const headers: Record<string, string> = { [PAGE_HEADER]: '1', accept: 'application/json' };
  if (contentType !== null) headers['content-type'] = contentType;
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' };
  if (typeof body === 'string') init.body = body;
  if (signal !== undefined) init.signal = signal;
  const response = await fetch(path, init).catch((cause: unknown) => {
    if (signal?.aborted === true) throw cause;
    throw new NanofleetError('CONTROLLER_UNREACHABLE', 'The controller does not answer.', { cause });
  });
  return apiAnswerOf(route, { status: response.status, body: await response.text() });
};
