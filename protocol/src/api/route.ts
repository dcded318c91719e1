/**
 * What a row of the operator API is, and the pieces that many rows share. Never holds a row.
 */
import { z } from 'zod';
import { PAGE_ROWS_MAX } from '../limits/controller.ts';
import type { Role } from './roles.ts';

const none = z.object({});
/** Query of a listing. */
export const page = { limit: z.coerce.number().int().min(1).max(PAGE_ROWS_MAX).default(100) };
/** Answer of a listing. */
export const listOf = <S extends z.ZodType>(item: S) => z.object({ items: z.array(item) });

/** One row of the table. */
export interface RouteShape {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for parts that come from `params`. */
  readonly path: string;
  /** `null`: open to everybody. */
  readonly role: Role | null;
  readonly summary: string;
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  /** `bytes`: the raw request body. */
  readonly body: z.ZodType | 'bytes';
  readonly answer: z.ZodType;
}

/** Keeps the types of a route. */
export const route = <const R extends RouteShape>(definition: R): R => definition;
/** Takes nothing. */
export const bare = { params: none, query: none, body: none } as const;
