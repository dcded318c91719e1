/** The document of the operator API as a route of it. Owns this row; `openapi.ts` makes the document. */
import { z } from 'zod';
import { bare, route } from './route.ts';

/** Routes of this part of the operator API. */
export const REFERENCE_ROUTES = {
  openapi: route({
    ...bare,
    method: 'GET',
    path: '/api/openapi.json',
    role: 'viewer',
    summary: 'This API as an OpenAPI 3.1 document',
    answer: z.looseObject({ openapi: z.string() }),
  }),
} as const;
