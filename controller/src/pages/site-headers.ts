/** Headers that tell browsers how little the dashboard may do. Pure. */

/** Only our own files run, nothing frames the page, nothing is sent elsewhere. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** An answer that is no page of ours shows nothing at all when somebody opens it in a browser. */
const NOTHING = "default-src 'none'; frame-ancestors 'none'";

/** Headers of every answer. */
export const guardHeaders = (options: { isPage: boolean; isSecure: boolean }): Record<string, string> => ({
  'content-security-policy': options.isPage ? CONTENT_SECURITY_POLICY : NOTHING,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  ...(options.isSecure ? { 'strict-transport-security': 'max-age=31536000' } : {}),
});

/** A file named by its content never changes; the page itself is asked for each time. */
export const cacheControlOf = (kind: 'page' | 'asset'): string =>
  kind === 'asset' ? 'public, max-age=31536000, immutable' : 'no-cache';
