/**
 * The cookie of a browser's session, and the proof that a request comes from a page of ours. Pure. Never knows what a
 * session allows.
 */
import { NanofleetError, PAGE_HEADER } from '@nanofleet/protocol';

/** Cookies do not tell ports apart: the controller's key does, for two of them on one host. */
const KEY_ID_DIGITS = 8;

/** Headers of a request as Node gives them. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** How a controller's cookie is called and guarded. */
export interface CookieForm {
  readonly keyId: string;
  /** Whether browsers reach the controller over TLS. */
  readonly isSecure: boolean;
}

const nameOf = ({ keyId, isSecure }: CookieForm): string =>
  `${isSecure ? '__Host-' : ''}nanofleet_session_${keyId.slice(0, KEY_ID_DIGITS)}`;

/** The `Set-Cookie` that gives a browser its session: scripts cannot read it, other sites cannot send it. */
export const sessionCookie = (form: CookieForm, session: { secret: string; maxAgeS: number }): string =>
  [
    `${nameOf(form)}=${session.secret}`,
    'Path=/',
    `Max-Age=${session.maxAgeS}`,
    'HttpOnly',
    'SameSite=Strict',
    ...(form.isSecure ? ['Secure'] : []),
  ].join('; ');

/** The secret of the session in a `Cookie` header; null when there is none. */
export const secretOf = (form: CookieForm, header: string | undefined): string | null => {
  const wanted = nameOf(form);
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === wanted) return pair.slice(at + 1).trim();
  }
  return null;
};

/**
 * Refuses what a page of another origin may have sent: the header cannot be set without a preflight, and browsers say
 * where a request comes from.
 * @throws NanofleetError ORIGIN_REFUSED
 */
export const requireOwnPage = (headers: Headers): void => {
  const site = headers['sec-fetch-site'];
  const isOwn = headers[PAGE_HEADER] !== undefined && (site === undefined || site === 'same-origin');
  if (isOwn) return;
  throw new NanofleetError(
    'ORIGIN_REFUSED',
    `A change with a session must come from the dashboard itself, with the header ${PAGE_HEADER}; programs use a token.`,
  );
};
