/**
 * The operator API as a table: method, path, role, schemas. The controller's routes and their checks, the CLI and the
 * dashboard derive from it; no route exists outside it. Device endpoints are in `device-api.ts`. Never holds behaviour.
 */
import type { z } from 'zod';
import { ACCESS_ROUTES } from './api/access.ts';
import { AGENT_ROUTES } from './api/agents.ts';
import { DEVICE_ROUTES } from './api/devices.ts';
import { HISTORY_ROUTES } from './api/history.ts';
import { JOB_ROUTES } from './api/jobs.ts';
import { LABEL_ROUTES } from './api/labels.ts';
import { MODEL_ROUTES } from './api/models.ts';
import { OFFLOAD_ROUTES } from './api/offload.ts';
import { REFERENCE_ROUTES } from './api/reference.ts';
import { ROLLOUT_ROUTES } from './api/rollouts.ts';
import { ROTATION_ROUTES } from './api/rotation.ts';
import { ROUND_ROUTES } from './api/rounds.ts';
import { SESSION_ROUTES } from './api/sessions.ts';
import { TELEMETRY_ROUTES } from './api/telemetry.ts';
import { TRUST_ROUTES } from './api/trust.ts';

/** Every operator route. */
export const API = {
  ...ACCESS_ROUTES,
  ...DEVICE_ROUTES,
  ...MODEL_ROUTES,
  ...AGENT_ROUTES,
  ...TRUST_ROUTES,
  ...ROLLOUT_ROUTES,
  ...JOB_ROUTES,
  ...LABEL_ROUTES,
  ...ROUND_ROUTES,
  ...OFFLOAD_ROUTES,
  ...TELEMETRY_ROUTES,
  ...HISTORY_ROUTES,
  ...SESSION_ROUTES,
  ...ROTATION_ROUTES,
  ...REFERENCE_ROUTES,
} as const;

export type ApiRoute = keyof typeof API;
type SchemaOut<S> = S extends z.ZodType ? z.output<S> : Uint8Array;
type SchemaIn<S> = S extends z.ZodType ? z.input<S> : Uint8Array;
/** What the controller's handler of a route gets. */
export interface ApiRequest<R extends ApiRoute> {
  readonly params: SchemaOut<(typeof API)[R]['params']>;
  readonly query: SchemaOut<(typeof API)[R]['query']>;
  readonly body: SchemaOut<(typeof API)[R]['body']>;
}
/** What a client of a route gives. */
export interface ApiCall<R extends ApiRoute> {
  readonly params?: SchemaIn<(typeof API)[R]['params']>;
  readonly query?: SchemaIn<(typeof API)[R]['query']>;
  readonly body?: SchemaIn<(typeof API)[R]['body']>;
}
export type ApiAnswer<R extends ApiRoute> = z.output<(typeof API)[R]['answer']>;
