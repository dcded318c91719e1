/**
 * Binds methods of Nest controllers to rows of the API table: path, verb, role, checks of what comes in and of what
 * goes out all come from there. A handler without one of these marks is refused by the guard. Never holds a route's
 * behaviour.
 */

import {
  API,
  type ApiRoute,
  assert,
  DEVICE_PATHS,
  firstIssue,
  NanofleetError,
  PAGES,
  type Role,
  STREAMS,
  type StreamName,
} from '@nanofleet/protocol';
import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';

const ROUTE = 'nanofleet:route';
/** Mark of an endpoint that checks its caller itself; no name of a row, so that none can be taken for it. */
export const FOR_DEVICES = Symbol('for devices');
/** Mark of the dashboard's own files, which hold nothing of the fleet and are open to everybody. */
export const FILE = Symbol('file of the dashboard');

/** Mark of figures for Prometheus, which checks its caller itself. */
export const FOR_SCRAPERS = Symbol('for scrapers');

/** What a handler serves. */
export type Mark = ApiRoute | StreamName | typeof FOR_DEVICES | typeof FILE | typeof FOR_SCRAPERS;

/** Who calls, once the guard has let them in. */
export interface Operator {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** Id of the browser's session; absent for a token. */
  readonly session?: string;
}

/** A request with what the guard found out. */
export type OperatorRequest = FastifyRequest & { operator?: Operator };

/** Serves one row of the API table. */
export const Route = (name: ApiRoute): MethodDecorator => {
  const { method, path } = API[name];
  return applyDecorators(
    SetMetadata(ROUTE, name),
    RequestMapping({ method: RequestMethod[method], path }),
    HttpCode(200),
  );
};

/** Serves an endpoint for devices, which checks its caller itself. */
export const DeviceRoute = (name: Exclude<keyof typeof DEVICE_PATHS, 'blob'>): MethodDecorator =>
  applyDecorators(
    SetMetadata(ROUTE, FOR_DEVICES),
    RequestMapping({ method: RequestMethod.POST, path: DEVICE_PATHS[name] }),
    HttpCode(200),
  );

/** Serves a stream; the handler writes to the connection itself. */
export const StreamRoute = (name: StreamName): MethodDecorator =>
  applyDecorators(
    SetMetadata(ROUTE, name),
    RequestMapping({ method: RequestMethod.GET, path: STREAMS[name].path }),
  );

/** Serves files of the dashboard below a path, or its page at all of its addresses. */
export const FileRoute = (path: string | typeof PAGES): MethodDecorator =>
  applyDecorators(
    SetMetadata(ROUTE, FILE),
    RequestMapping({
      method: RequestMethod.GET,
      path: typeof path === 'string' ? path : Object.values(path),
    }),
    HttpCode(200),
  );

/** Serves figures; the handler checks its caller itself. */
export const ScrapeRoute = (path: string): MethodDecorator =>
  applyDecorators(SetMetadata(ROUTE, FOR_SCRAPERS), RequestMapping({ method: RequestMethod.GET, path }));

/** Which row a handler serves; undefined when it has no mark. */
export const routeOf = (context: ExecutionContext): Mark | undefined =>
  Reflect.getMetadata(ROUTE, context.getHandler()) as Mark | undefined;

/** Whether a mark is a row of the API table. */
export const isApiRoute = (mark: Mark | undefined): mark is ApiRoute =>
  typeof mark === 'string' && Object.hasOwn(API, mark);

const parsePart = (schema: z.ZodType, part: { name: string; value: unknown }): unknown => {
  const parsed = schema.safeParse(part.value ?? {});
  if (parsed.success) return parsed.data;
  throw new NanofleetError('INPUT_INVALID', `${part.name}: ${firstIssue(parsed.error)}`);
};

/** The checked params, query and body of a row of the table: `ApiRequest` of its name. */
export const Input = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const name = routeOf(context);
  assert(isApiRoute(name), 'only rows of the API table have checked input');
  const request = context.switchToHttp().getRequest<OperatorRequest>();
  const { body, params, query } = API[name];
  return {
    params: parsePart(params, { name: 'path', value: request.params }),
    query: parsePart(query, { name: 'query', value: request.query }),
    // Raw bytes stay a stream on the request; the handler reads it.
    body: body === 'bytes' ? null : parsePart(body, { name: 'body', value: request.body }),
  };
});

/** The operator whose token the guard accepted. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Operator => {
  const { operator } = context.switchToHttp().getRequest<OperatorRequest>();
  assert(operator !== undefined, 'the guard ran before the handler');
  return operator;
});
