/**
 * When and how fast devices fetch: as the operator says, else by how many are told together, so that many do not come at once.
 * Pure.
 */
import { TRANSFER_AT_ONCE_MAX, TRANSFER_SPREAD_MS_MAX, type Transfer } from '@nanofleet/protocol';

/** 200 devices a second: a twentieth of a core, by the CPU of a download of some 100 kB. */
const MS_PER_DEVICE = 5;

/** What devices that are told together are told; null for nothing: at once, as fast as it goes. */
export const transferFor = (stated: Transfer | null, devices: number): Transfer | null => {
  if (stated !== null) return stated;
  if (devices <= TRANSFER_AT_ONCE_MAX) return null;
  // By powers of two: each new device would otherwise change what all others are told.
  const spreadMs = 2 ** Math.ceil(Math.log2(devices)) * MS_PER_DEVICE;
  return { spreadMs: Math.min(spreadMs, TRANSFER_SPREAD_MS_MAX) };
};

/** As people read it. */
export const transferInWords = (transfer: Transfer | null): string => {
  if (transfer === null) return 'as their number asks for';
  const { bytesPerSecond, spreadMs } = transfer;
  const begin = spreadMs === 0 ? 'at once' : `within ${spreadMs / 1_000} s`;
  return bytesPerSecond === undefined ? begin : `${begin}, ${bytesPerSecond} bytes a second`;
};
