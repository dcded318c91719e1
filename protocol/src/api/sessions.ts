/**
 * Sessions of the dashboard: a browser signs in with an operator token or a one-time code and gets a cookie; the session
 * has the role of the token and ends with it. Owns these schemas and routes; never holds behaviour.
 */
import { z } from 'zod';
import { unixMsSchema } from '../messages/vocabulary.ts';
import { nameSchema, roleSchema } from './roles.ts';
import { bare, route } from './route.ts';

/**
 * Header that a page must send with every request that changes something. Pages of other origins cannot: a header of
 * one's own needs a CORS preflight, which the controller never grants.
 */
export const PAGE_HEADER = 'x-nanofleet-page';

/** Whom a browser is signed in as. */
export const sessionSchema = z.object({ name: nameSchema, role: roleSchema, expiresAt: unixMsSchema });

export type Session = z.infer<typeof sessionSchema>;

/** Routes of this part of the operator API. */
export const SESSION_ROUTES = {
  signIn: route({
    ...bare,
    method: 'POST',
    path: '/api/session',
    role: null,
    summary: 'Sign a browser in with a token, or with the one-time code of a link',
    body: z.union([
      z.object({ token: z.string().min(1).max(200) }),
      z.object({ code: z.string().min(1).max(200) }),
    ]),
    answer: sessionSchema,
  }),
  signOut: route({
    ...bare,
    method: 'DELETE',
    path: '/api/session',
    role: 'viewer',
    summary: 'End the session of this browser',
    answer: z.object({ signedOut: z.literal(true) }),
  }),
  makeSignInCode: route({
    ...bare,
    method: 'POST',
    path: '/api/sign-in-codes',
    role: 'viewer',
    summary: 'A code that signs one browser in, once, with the role of the token',
    answer: z.object({ code: z.string(), expiresAt: unixMsSchema }),
  }),
} as const;
