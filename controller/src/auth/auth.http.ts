/** Operator routes of tokens and of the caller's own identity. Rules are in the service. */

import type { ApiAnswer, ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { TimelineService } from '../history/timeline.service.ts';
import { Identity } from '../state/identity.ts';
import { Caller, Input, type Operator, Route } from './api-route.ts';
import { AuthService } from './auth.service.ts';

/** Routes of `auth`. */
@Controller()
export class AuthHttp {
  constructor(
    private readonly auth: AuthService,
    private readonly identity: Identity,
    private readonly timeline: TimelineService,
  ) {}

  /** Token, fleet and keys. */
  @Route('whoami')
  whoami(@Caller() operator: Operator): ApiAnswer<'whoami'> {
    const { name, role } = operator;
    return { name, role, ...this.identity.shown() };
  }

  /** Operator tokens. */
  @Route('operatorTokens')
  async operatorTokens() {
    return { items: await this.auth.operators() };
  }

  /** A new operator token. */
  @Route('makeOperatorToken')
  async makeOperatorToken(@Input() { body }: ApiRequest<'makeOperatorToken'>) {
    const made = await this.auth.makeOperator(body);
    this.timeline.note({ kind: 'token-made', key: made.id, detail: `${made.name} (${made.role})` });
    return made;
  }

  /** One operator token less. */
  @Route('dropOperatorToken')
  async dropOperatorToken(@Input() { params }: ApiRequest<'dropOperatorToken'>) {
    await this.auth.dropOperator(params.id);
    this.timeline.note({ kind: 'token-dropped', key: params.id, subject: params.id });
    return { dropped: true };
  }

  /** Fleet tokens. */
  @Route('fleetTokens')
  async fleetTokens() {
    return { items: await this.auth.fleetTokens() };
  }

  /** A new fleet token. */
  @Route('makeFleetToken')
  makeFleetToken(@Input() { body }: ApiRequest<'makeFleetToken'>) {
    return this.auth.makeFleetToken(body);
  }

  /** One fleet token less. */
  @Route('dropFleetToken')
  async dropFleetToken(@Input() { params }: ApiRequest<'dropFleetToken'>) {
    await this.auth.dropFleetToken(params.id);
    return { dropped: true };
  }
}
