/**
 * Passes each answer through the schema of its row: what the table does not promise, such as a hash in a database row,
 * cannot leave. Never changes an endpoint for devices, a stream or a file.
 */

import { API, BrokenInvariant, firstIssue } from '@nanofleet/protocol';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import { isApiRoute, routeOf } from './api-route.ts';

/** The interceptor of all routes. */
@Injectable()
export class AnswerInterceptor implements NestInterceptor {
  /** Checks what the handler returns. */
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const name = routeOf(context);
    if (!isApiRoute(name)) return next.handle();
    return next.handle().pipe(
      map((answer: unknown) => {
        const parsed = API[name].answer.safeParse(answer);
        if (parsed.success) return parsed.data;
        throw new BrokenInvariant(`the answer of ${name} fits its schema: ${firstIssue(parsed.error)}`);
      }),
    );
  }
}
