/** What a browser does to sign in, without a browser. Only tests import this. */
import { httpCallOf, PAGE_HEADER } from '@nanofleet/protocol';

/** What the controller set, and the cookie that a browser would send back. */
export interface BrowserSession {
  readonly status: number;
  readonly body: unknown;
  /** `Set-Cookie` as it came. */
  readonly set: string;
  /** `Cookie` of later requests. */
  readonly cookie: string;
}

/** Signs in with a token or a code. */
export const signIn = async (
  url: string,
  body: { token: string } | { code: string },
  headers: Record<string, string> = { [PAGE_HEADER]: '1' },
): Promise<BrowserSession> => {
  const call = httpCallOf('signIn', { body });
  const response = await fetch(`${url}${call.path}`, {
    method: call.method,
    body: String(call.body),
    headers: { 'content-type': 'application/json', ...headers },
  });
  const set = response.headers.get('set-cookie') ?? '';
  return { status: response.status, body: await response.json(), set, cookie: set.split(';')[0] ?? '' };
};
