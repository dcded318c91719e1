/**
 * Lets a request in by the role that the API table asks for. What has no row there, is no stream, no file of the
 * dashboard and no endpoint for devices does not exist. Never reads a body.
 */

import { API, NanofleetError, STREAMS } from '@nanofleet/protocol';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { FILE, FOR_DEVICES, FOR_SCRAPERS, isApiRoute, type OperatorRequest, routeOf } from './api-route.ts';
import { CallerService } from './caller.service.ts';

/** The guard of all routes. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly callers: CallerService) {}

  /** @throws NanofleetError TOKEN_MISSING, TOKEN_INVALID, ORIGIN_REFUSED, ROLE_INSUFFICIENT, NOT_FOUND */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const mark = routeOf(context);
    if (mark === undefined) throw new NanofleetError('NOT_FOUND', 'There is nothing at this address.');
    if (mark === FOR_DEVICES || mark === FILE || mark === FOR_SCRAPERS) return true;
    const { role } = isApiRoute(mark) ? API[mark] : STREAMS[mark];
    if (role === null) return true;
    const request = context.switchToHttp().getRequest<OperatorRequest>();
    request.operator = await this.callers.operatorOf(request, role);
    return true;
  }
}
