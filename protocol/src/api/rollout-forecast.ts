/**
 * What a rollout would do: when its waves would be through, which bytes would travel, who would not be reached. Owns the
 * schemas; how it is found is `controller/src/rollouts/forecast.plan.ts`.
 */
import { z } from 'zod';
import { countSchema, proseSchema, unixMsSchema } from '../messages/vocabulary.ts';

/** Seconds from now; null for not within the plan's time. */
const secondsSchema = z.number().min(0).nullable();

/** One wave of it. */
export const waveForecastSchema = z.object({
  /** Devices that may have the bundle by its end. */
  quota: countSchema,
  beginsS: secondsSchema,
  endsS: secondsSchema,
});

/** The whole. */
export const rolloutForecastSchema = z.object({
  at: unixMsSchema,
  devices: z.object({
    total: countSchema,
    /** Of whose presence more than a day is recorded; the others are taken to stay as they are. */
    withPresence: countSchema,
    /** Whose rate of transfer is recorded; the others are given the median of these. */
    withRate: countSchema,
    /** That would not run it within the time of the plan. */
    notReached: countSchema,
  }),
  bytes: z.object({
    /** Of manifests, signatures, hashes and files, as deltas where there are any. */
    total: countSchema,
    /** The same if nobody had anything to go on from. */
    whole: countSchema,
  }),
  /** Until all waves are through. */
  throughS: secondsSchema,
  /** Until such a share of the devices runs it, percent. */
  reached: z.array(z.object({ percent: z.number().min(0).max(100), afterS: secondsSchema })),
  waves: z.array(waveForecastSchema),
  /** What was taken for granted, and what stands in the way. */
  notes: z.array(proseSchema),
});

export type RolloutForecast = z.infer<typeof rolloutForecastSchema>;
