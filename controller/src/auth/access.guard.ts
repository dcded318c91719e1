/**
 * Lets a request in by the role that the API table asks for. What has no row there and is no endpoint for devices does
 * not exist. Never reads a body.
 */

import { API, hasRole, NanofleetError } from '@nanofleet/protocol';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { FOR_DEVICES, type OperatorRequest, routeOf } from './api-route.ts';
import { AuthService } from './auth.service.ts';
import { bearerOf } from './bearer.ts';

/** The guard of all routes. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly auth: AuthService) {}

  /** @throws NanofleetError TOKEN_MISSING, TOKEN_INVALID, ROLE_INSUFFICIENT, NOT_FOUND */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const name = routeOf(context);
    if (name === undefined) throw new NanofleetError('NOT_FOUND', 'There is nothing at this address.');
    if (name === FOR_DEVICES) return true;
    const { role } = API[name];
    if (role === null) return true;
    const request = context.switchToHttp().getRequest<OperatorRequest>();
    const operator = await this.auth.operatorOf(bearerOf(request.headers.authorization));
    if (!hasRole(operator.role, role)) {
      throw new NanofleetError(
        'ROLE_INSUFFICIENT',
        `The token ${operator.name} has the role ${operator.role}; this needs ${role}.`,
        { facts: { role: operator.role, needed: role } },
      );
    }
    request.operator = operator;
    return true;
  }
}
