/** Whether a device has memory for two versions of a model at once. Pure but for what the host says. */
import { PROBATION_MEMORY_SHARE_MAX } from '@nanofleet/protocol';
import type { Host } from '../ports/host.ts';

/** Two models are loaded only where there is room for them. */
export const hasRoomForTwo = ({ memoryBytes, rssBytes }: Pick<Host, 'memoryBytes' | 'rssBytes'>): boolean =>
  rssBytes() <= memoryBytes * PROBATION_MEMORY_SHARE_MAX;
