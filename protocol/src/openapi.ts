/**
 * The operator API as an OpenAPI 3.1 document, derived from the table: whatever has a row is in it, and nothing else.
 * Pure. Never describes the devices' endpoints.
 */
import { z } from 'zod';
import { STREAMS } from './api/live.ts';
import type { Role } from './api/roles.ts';
import type { RouteShape } from './api/route.ts';
import { API } from './api.ts';
import { problemSchema } from './local-api.ts';
import { PROBLEM_TYPE } from './problem.ts';

/** A value of JSON; the document is one. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

const PROBLEM = { $ref: '#/components/schemas/Problem' };
const PROBLEMS: Readonly<Record<string, string>> = {
  400: 'The request does not have the expected form',
  401: 'No token, or one that is not known',
  403: 'The role may not do this',
  default: 'Any other error, as its code says',
};

/** The JSON Schema (2020-12, which OpenAPI 3.1 uses) of one side of a zod schema. */
const schemaOf = (schema: z.ZodType, side: 'input' | 'output'): JsonObject => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: side,
    unrepresentable: 'any',
  }) as Record<string, Json>;
  return rest;
};

const parametersOf = (schema: z.ZodType, where: 'path' | 'query'): JsonObject[] => {
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, JsonObject>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }));
};

const bodyOf = ({ body, method }: RouteShape): JsonObject => {
  if (method === 'GET' || method === 'DELETE') return {};
  if (body === 'bytes') {
    return { requestBody: { required: true, content: { 'application/octet-stream': {} } } };
  }
  const schema = schemaOf(body, 'input');
  const isEmpty =
    Object.keys((schema['properties'] ?? {}) as JsonObject).length === 0 && !('anyOf' in schema);
  return isEmpty ? {} : { requestBody: { required: true, content: { 'application/json': { schema } } } };
};

const securityOf = (role: Role | null): JsonObject =>
  role === null ? { security: [] } : { security: [{ token: [] }, { session: [] }], 'x-role': role };

const problemsOf = (): JsonObject =>
  Object.fromEntries(
    Object.entries(PROBLEMS).map(([status, description]) => [
      status,
      { description, content: { [PROBLEM_TYPE]: { schema: PROBLEM } } },
    ]),
  );

/** First part of the path after `/api`: what belongs together in the reference. */
const tagOf = (path: string): string => (path.startsWith('/api/') ? (path.split('/')[2] ?? 'api') : 'health');

const operationOf = (name: string, route: RouteShape): JsonObject => ({
  operationId: name,
  summary: route.summary,
  tags: [tagOf(route.path).replace('.json', '')],
  ...securityOf(route.role),
  parameters: [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')],
  ...bodyOf(route),
  responses: {
    200: {
      description: 'Done',
      content: { 'application/json': { schema: schemaOf(route.answer, 'output') } },
    },
    ...problemsOf(),
  },
});

const streamsOf = (): [path: string, item: JsonObject][] =>
  Object.entries(STREAMS).map(([name, { path, role, summary }]) => [
    path,
    {
      get: {
        operationId: name,
        summary,
        tags: [tagOf(path)],
        ...securityOf(role),
        responses: {
          200: { description: 'A stream that does not end', content: { 'text/event-stream': {} } },
          ...problemsOf(),
        },
      },
    },
  ]);

const pathsOf = (): JsonObject => {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, route] of Object.entries(API as Record<string, RouteShape>)) {
    const path = route.path.replace(/:([a-z]+)/gi, '{$1}');
    const item = (paths[path] ??= {});
    item[route.method.toLowerCase()] = operationOf(name, route);
  }
  return { ...paths, ...Object.fromEntries(streamsOf()) };
};

/** The document, for a controller of this version. */
export const openApiOf = (version: string): JsonObject & { readonly openapi: string } => ({
  openapi: '3.1.0',
  info: {
    title: 'nanofleet operator API',
    version,
    description:
      'Devices, models, rollouts and figures of one fleet. Every error is an RFC 9457 problem with a code. `x-role` is the least role that a token or session needs.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: '/' }],
  paths: pathsOf(),
  components: {
    schemas: { Problem: schemaOf(problemSchema, 'output') },
    securitySchemes: {
      token: { type: 'http', scheme: 'bearer', description: 'An operator token (nfo_…)' },
      session: {
        type: 'apiKey',
        in: 'cookie',
        name: 'nanofleet_session',
        description: 'A browser that is signed in; writes also need the header x-nanofleet-page',
      },
    },
  },
});
