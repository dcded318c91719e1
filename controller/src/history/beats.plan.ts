/** One beat as the row that is kept of it, and what it adds to the figures of the fleet. Pure. */
import { BEAT_INTERVAL_MS, BEATS_COARSE_MAX, BEATS_FINE_MAX, type Beat } from '@nanofleet/protocol';

/** Spans of the two grains, milliseconds, with the slots of their rings: 10 minutes, and 12 hours. */
export const GRAINS = [
  { grain: 'fine', spanMs: BEAT_INTERVAL_MS, slots: BEATS_FINE_MAX },
  { grain: 'coarse', spanMs: 180_000, slots: BEATS_COARSE_MAX },
] as const;

/** What is kept of a beat. */
export interface KeptBeat {
  readonly device: string;
  readonly instance: string;
  readonly at: number;
  readonly decisions: number;
  readonly sure: number;
  readonly unsure: number;
  readonly out_of_scope: number;
  readonly offload_share: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly rss_bytes: number;
  readonly cpu_share: number;
  readonly waiting: number;
  readonly dropped: number;
  readonly uptime_s: number;
}

/** The kept form of a beat that arrived at a time. */
export const keptBeat = ({
  device,
  beat,
  beatAt,
}: {
  device: string;
  beat: Beat;
  beatAt: number;
}): KeptBeat => {
  const classes = Object.values(beat.outbox);
  return {
    device,
    instance: beat.instance,
    at: beatAt,
    decisions: beat.decisions.total,
    sure: beat.decisions.sure,
    unsure: beat.decisions.unsure,
    out_of_scope: beat.decisions.outOfScope,
    offload_share: beat.offloadShare,
    p50: beat.decisionMicros.p50,
    p95: beat.decisionMicros.p95,
    p99: beat.decisionMicros.p99,
    rss_bytes: beat.rssBytes,
    cpu_share: beat.cpuShare,
    waiting: classes.reduce((sum, { records }) => sum + records, 0),
    dropped: classes.reduce((sum, { dropped, expired }) => sum + dropped + expired, 0),
    uptime_s: beat.uptimeS,
  };
};
