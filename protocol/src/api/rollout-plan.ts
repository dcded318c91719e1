/**
 * How a rollout goes: waves, what lets it go on, what stops it. A rollout without a plan goes to everybody at once. Owns
 * the schemas; what they do is `controller/src/rollouts/rollouts.machine.ts`.
 */
import { z } from 'zod';
import { deviceIdSchema } from '../ids.ts';
import {
  ROLLOUT_PER_MINUTE_MAX,
  ROLLOUT_RETRIES_MAX,
  ROLLOUT_SECONDS_MAX,
  ROLLOUT_WAVES_MAX,
  ROLLOUT_WINDOWS_MAX,
  WAVE_DEVICES_MAX,
} from '../limits/rollouts.ts';
import { countSchema, unixMsSchema } from '../messages/vocabulary.ts';

const percentSchema = z.number().min(0).max(100);
const secondsSchema = z.int().min(0).max(ROLLOUT_SECONDS_MAX);

/**
 * How many devices have the bundle once the wave is through, those of the waves before it among them: a share of the
 * devices that it is for, a number, or named ones beside what earlier waves have.
 */
const waveSizeSchema = z.union([
  z.object({ percent: percentSchema.gt(0) }),
  z.object({ count: z.int().min(1) }),
  z.object({ devices: z.array(deviceIdSchema).min(1).max(WAVE_DEVICES_MAX) }),
]);

/** One wave. */
export const rolloutWaveSchema = z.intersection(
  waveSizeSchema,
  z.object({
    /** Somebody must approve before it begins. */
    approval: z.boolean().optional(),
    /** Least time before the next wave, once all its devices have decided. */
    holdS: secondsSchema.optional(),
  }),
);

/** How fast devices get it. */
const rateSchema = z.object({
  perMinute: z.int().min(1).max(ROLLOUT_PER_MINUTE_MAX),
  /** The rate times `factor` with each further `succeeded` devices, up to `perMinuteMax`. */
  growth: z
    .object({
      factor: z.number().gt(1).max(5),
      succeeded: z.int().min(1),
      perMinuteMax: z.int().min(1).max(ROLLOUT_PER_MINUTE_MAX),
    })
    .optional(),
});

/** When a wave may be followed by the next one. Devices that are offline do not count on either side. */
const successSchema = z.object({
  /** Least share of the wave's reachable devices that run it. */
  percent: percentSchema.default(90),
  /** Least number of them; a wave that has fewer devices needs all. */
  count: countSchema.default(1),
});

/** When a rollout is stopped for devices that do not take it. */
const errorsSchema = z.object({
  /** Greatest share of the devices that have decided; more stops it. */
  percent: percentSchema.default(10),
  /** Fewer decided devices than this say nothing by their share. */
  minimum: z.int().min(1).default(5),
  /** So many failures stop it, whatever their share; left out: only the share does. */
  count: z.int().min(1).optional(),
});

/** A time of the day in the device's own time zone. */
const windowSchema = z.object({
  /** Days on which it begins, 0 for Sunday; left out: each day. */
  days: z.array(z.int().min(0).max(6)).min(1).max(7).optional(),
  from: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'from must be a time like 02:30'),
  minutes: z.int().min(1).max(1_440),
});

/** What decides whether the model is good enough, of what devices count while they run it. */
export const rolloutGateSchema = z.object({
  /** Bound of a false stop over all signals and all times at which somebody looks. */
  falseStop: z.number().gt(0).max(0.2).default(0.01),
  /** Loss that is let pass, in points: of decisions that are right where the new and the old model differ. */
  accuracyPoints: z.number().min(0).max(50).default(0.5),
  /** Loss that must be excluded before a wave may be followed, in points of the same. */
  harmPoints: z.number().min(0).max(100).default(1.5),
  /** Loss that is let pass, in points: of agreement with a bigger tier on what was offloaded. */
  agreementPoints: z.number().min(0).max(100).default(8),
  /** Growth that is let pass: of the share that is not sure, or is offloaded, in points. */
  abstainPoints: z.number().min(0).max(100).default(4),
  /** Growth that is let pass: of decisions that fail, in points. */
  errorPoints: z.number().min(0).max(100).default(0.1),
  /** Growth that is let pass: of the time for a decision, percent. */
  latencyPercent: z.number().min(0).max(1_000).default(50),
  /** Shift of the mean score that is let pass, 0 to 1. */
  scoreShift: z.number().min(0).max(1).default(0.05),
  /** Decisions that a wave makes before it may be followed. */
  decisions: countSchema.default(200),
  /** How long a wave is given to make them; then `unclear` says what happens. */
  deadlineS: secondsSchema.default(86_400),
  /** What a wave that stays below `decisions` does: wait for a person, or go on. */
  unclear: z.enum(['pause', 'go-on']).default('pause'),
});

/** How a rollout goes. */
export const rolloutPlanSchema = z.object({
  /** Growing; the devices that are left after the last follow in one more. */
  waves: z.array(rolloutWaveSchema).min(1).max(ROLLOUT_WAVES_MAX),
  /** Not before this; left out: at once. */
  startAt: unixMsSchema.optional(),
  /** Whether somebody must approve before the first wave. */
  approval: z.boolean().default(false),
  rate: rateSchema.optional(),
  success: successSchema.prefault({}),
  errors: errorsSchema.prefault({}),
  /** How long a device may take while it is reachable; then it has failed. */
  deviceS: secondsSchema.min(10).default(3_600),
  /** How long the whole may take from its first device on; then it is stopped. */
  totalS: secondsSchema.min(60).default(30 * 86_400),
  /** Further tries of a device whose failure a retry may mend. */
  retries: z.int().min(0).max(ROLLOUT_RETRIES_MAX).default(1),
  windows: z.array(windowSchema).max(ROLLOUT_WINDOWS_MAX).optional(),
  /** IANA name, for devices without a tag `time-zone`. */
  timeZone: z.string().max(64).default('UTC'),
  /** Greatest number of devices of one group that are at work on it at once. */
  disruption: z.object({ perGroup: z.int().min(1) }).optional(),
  /** Of rollouts that want the same device at once, the one with the greater number goes first. */
  priority: z.int().min(0).max(9).default(5),
  /** What happens when it is stopped: its devices go back, or stay and wait for a person. */
  onStop: z.enum(['roll-back', 'pause']).default('roll-back'),
  /** Left out: nobody looks at the quality. */
  gate: rolloutGateSchema.optional(),
});

export type RolloutPlan = z.infer<typeof rolloutPlanSchema>;
export type RolloutWave = z.infer<typeof rolloutWaveSchema>;
export type RolloutGate = z.infer<typeof rolloutGateSchema>;
