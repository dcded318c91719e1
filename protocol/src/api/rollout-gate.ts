/**
 * What a quality gate has seen: signals of the devices that have a bundle against those that have not. Owns the schemas;
 * how it judges is `controller/src/rollouts/quality-gate.plan.ts`.
 */
import { z } from 'zod';
import { GATE_POINTS_MAX } from '../limits/rollouts.ts';
import { countSchema, proseSchema, unixMsSchema } from '../messages/vocabulary.ts';

/** What is looked at. `pairs`: who is right where the new and the old model differ, as a bigger tier judges. */
export const GATE_SIGNALS = [
  'pairs',
  'agreement',
  'abstain',
  'offload',
  'errors',
  'latency',
  'score',
] as const;

/** One signal as it stands. */
export const gateSignalSchema = z.object({
  signal: z.enum(GATE_SIGNALS),
  /** Mean over the devices that have the bundle, and over those that have not; null where nothing was counted. */
  exposed: z.number().nullable(),
  control: z.number().nullable(),
  /** How much worse, as the test sees it: against the device's own past where that is known; null with too few devices. */
  change: z.number().nullable(),
  /** What is let pass. */
  margin: z.number(),
  /** Evidence that it is worse than that: an e-value, 1 for none. */
  evidence: z.number().min(0),
  /** Evidence that stops the rollout. */
  needed: z.number().min(1),
});

/** One look of a gate, for plots. */
export const gatePointSchema = z.object({
  at: unixMsSchema,
  decisions: countSchema,
  /** By signal. */
  exposed: z.partialRecord(z.enum(GATE_SIGNALS), z.number()),
  control: z.partialRecord(z.enum(GATE_SIGNALS), z.number()),
  /** Evidence over what is needed, 1 stops; of the strongest signal. */
  evidence: z.number().min(0),
});

/** What a gate says of the wave that a rollout is in. */
export const gateViewSchema = z.object({
  at: unixMsSchema,
  wave: countSchema,
  verdict: z.enum(['collecting', 'passed', 'stopped', 'unclear']),
  message: proseSchema,
  devices: z.object({ exposed: countSchema, control: countSchema }),
  /** Made with the bundle. */
  decisions: countSchema,
  signals: z.array(gateSignalSchema),
  points: z.array(gatePointSchema).max(GATE_POINTS_MAX),
});

export type GateSignal = z.infer<typeof gateSignalSchema>;
export type GatePoint = z.infer<typeof gatePointSchema>;
export type GateView = z.infer<typeof gateViewSchema>;
