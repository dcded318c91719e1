/** Bounds of rollouts and their gates. */

/** Waves of a plan; one with more is refused. */
export const ROLLOUT_WAVES_MAX = 32;
/** Devices that a wave names; a wave with more is refused. */
export const WAVE_DEVICES_MAX = 1_000;
/** Maintenance windows of a plan. */
export const ROLLOUT_WINDOWS_MAX = 16;
/** Further tries of a device. */
export const ROLLOUT_RETRIES_MAX = 10;
/** Devices that a rollout may give the bundle in a minute. */
export const ROLLOUT_PER_MINUTE_MAX = 100_000;
/** Longest time in a plan, seconds: 90 days. */
export const ROLLOUT_SECONDS_MAX = 90 * 86_400;
/** Rollouts in waves that a controller looks at; the oldest are left out beyond, and decide nothing. */
export const ROLLOUTS_OPEN_MAX = 64;
/** Devices that a wave is compared with; of more, the first by name. */
export const CONTROL_DEVICES_MAX = 500;
/** Devices that a forecast goes through one by one; of more, so many stand for all. */
export const FORECAST_DEVICES_MAX = 1_000;
/** Transfers of a line that are kept of a device; a newer one takes the place of another. */
export const TRANSFERS_KEPT_MAX = 8;
/** Looks of a gate that are kept for its plots; beyond, each second one leaves. */
export const GATE_POINTS_MAX = 120;
/** Tags of one device; more are refused. */
export const DEVICE_TAGS_MAX = 32;
