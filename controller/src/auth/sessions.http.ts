/** Operator routes of sessions, with their cookie. Rules are in the service. */
import { type ApiAnswer, type ApiRequest, NanofleetError } from '@nanofleet/protocol';
import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TimelineService } from '../history/timeline.service.ts';
import { Identity } from '../state/identity.ts';
import { Caller, Input, type Operator, Route } from './api-route.ts';
import { requireOwnPage, sessionCookie } from './session-cookie.ts';
import { SessionsService } from './sessions.service.ts';

/** Routes of `sessions`. */
@Controller()
export class SessionsHttp {
  constructor(
    private readonly sessions: SessionsService,
    private readonly identity: Identity,
    private readonly timeline: TimelineService,
  ) {}

  /** A browser comes in. */
  @Route('signIn')
  async signIn(
    @Input() { body }: ApiRequest<'signIn'>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApiAnswer<'signIn'>> {
    // Otherwise a foreign page could sign a browser in as somebody else.
    requireOwnPage(request.headers);
    const { expiresAt, maxAgeS, name, role, secret, id } = await this.sessions.signIn(body);
    reply.header('set-cookie', sessionCookie(this.identity.cookie, { secret, maxAgeS }));
    this.timeline.note({ kind: 'signed-in', key: id, detail: `${name} (${role})` });
    return { name, role, expiresAt };
  }

  /** A browser goes. */
  @Route('signOut')
  async signOut(@Caller() operator: Operator, @Res({ passthrough: true }) reply: FastifyReply) {
    if (operator.session !== undefined) await this.sessions.signOut(operator.session);
    reply.header('set-cookie', sessionCookie(this.identity.cookie, { secret: '', maxAgeS: 0 }));
    return { signedOut: true };
  }

  /** A code for one sign-in. */
  @Route('makeSignInCode')
  makeSignInCode(@Caller() operator: Operator) {
    // A session that could make codes could outlive itself.
    if (operator.session === undefined) return this.sessions.makeCode(operator);
    throw new NanofleetError('TOKEN_MISSING', 'Sign-in links are made with a token: nanofleet dashboard.');
  }
}
