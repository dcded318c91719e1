/**
 * Who calls: the operator of a token, or of the session that a browser's cookie names. A header with a token wins over a
 * cookie. Never decides what the caller may do.
 */
import { hasRole, NanofleetError, type Role } from '@nanofleet/protocol';
import { Injectable } from '@nestjs/common';
import { Identity } from '../state/identity.ts';
import type { Operator } from './api-route.ts';
import { AuthService } from './auth.service.ts';
import { bearerOf } from './bearer.ts';
import { type Headers, requireOwnPage, secretOf } from './session-cookie.ts';
import { SessionsService } from './sessions.service.ts';

/** What of a request says who calls. */
export interface Calling {
  readonly method: string;
  readonly headers: Headers & {
    readonly authorization?: string | undefined;
    readonly cookie?: string | undefined;
  };
}

/** Finds out who calls. */
@Injectable()
export class CallerService {
  constructor(
    private readonly auth: AuthService,
    private readonly sessions: SessionsService,
    private readonly identity: Identity,
  ) {}

  /**
   * The operator behind a request, if they have a role.
   * @throws NanofleetError TOKEN_MISSING, TOKEN_INVALID, ORIGIN_REFUSED, ROLE_INSUFFICIENT
   */
  async operatorOf(request: Calling, role: Role): Promise<Operator> {
    const operator = await this.#identify(request);
    if (hasRole(operator.role, role)) return operator;
    throw new NanofleetError(
      'ROLE_INSUFFICIENT',
      `The token ${operator.name} has the role ${operator.role}; this needs ${role}.`,
      { facts: { role: operator.role, needed: role } },
    );
  }

  async #identify({ headers, method }: Calling): Promise<Operator> {
    const secret = secretOf(this.identity.cookie, headers.cookie);
    if (headers.authorization !== undefined || secret === null) {
      return this.auth.operatorOf(bearerOf(headers.authorization));
    }
    if (method !== 'GET' && method !== 'HEAD') requireOwnPage(headers);
    const { id: session, name, role, tokenId: id } = await this.sessions.sessionOf(secret);
    return { id, name, role, session };
  }
}
