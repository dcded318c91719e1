/**
 * Roles of the operator API and names as people write them. Never decides what a route needs.
 */
import { z } from 'zod';

/** Roles, each with the rights of those before it. */
export const ROLES = ['viewer', 'operator', 'publisher', 'admin'] as const;

/** What a token lets its holder do; each role may do what the ones before it may. */
export const roleSchema = z.enum(ROLES);

/** Whether a role has the rights of another. */
export const hasRole = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);

/** Name of a token or key as a person writes it. */
export const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'must be 1-64 letters, digits, space, dot, _ or -');

export type Role = (typeof ROLES)[number];
