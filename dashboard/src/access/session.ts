/** Who is signed in: asked of the controller when the page opens, told to every part below. Owns the context only. */
import { type ApiAnswer, hasRole, type Role } from '@nanofleet/protocol';
import { createContext, useContext } from 'react';

/** Who is signed in, of which fleet. */
export type Who = ApiAnswer<'whoami'>;

/** The session as the parts of the page see it. */
export interface SessionContext {
  readonly who: Who;
  /** The controller said that the session is over. */
  readonly lost: () => void;
  readonly signOut: () => void;
}

/** Gives the session to the parts of the page. */
export const Session = createContext<SessionContext | null>(null);

/** The session; only below a signed-in page. */
export const useSession = (): SessionContext => {
  const session = useContext(Session);
  if (session === null) throw new TypeError('a part that needs a session is outside of one');
  return session;
};

/** Whether the reader may do what needs a role. */
export const useMay = (role: Role): boolean => hasRole(useSession().who.role, role);
