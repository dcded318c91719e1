/**
 * Acknowledgements of records: identities into ranges, per device and log epoch, and sending them. Never called before
 * the commit of what it acknowledges.
 */
import {
  ACK_RANGES_MAX,
  type Ack,
  type DeviceId,
  type Epoch,
  type Message,
  NanofleetError,
} from '@nanofleet/protocol';
import type { Link } from './link.ts';

/** Identity of a record. */
export interface RecordIdentity {
  readonly device: DeviceId;
  readonly epoch: Epoch;
  readonly sequence: number;
}

/** Ascending inclusive ranges that cover exactly the given numbers. */
export const rangesOf = (sequences: readonly number[]): [number, number][] => {
  const ranges: [number, number][] = [];
  for (const sequence of [...sequences].sort((left, right) => left - right)) {
    const last = ranges.at(-1);
    if (last !== undefined && sequence <= last[1] + 1) last[1] = Math.max(last[1], sequence);
    else ranges.push([sequence, sequence]);
  }
  return ranges;
};

/** The acknowledgements of a batch, each within the limit of ranges. */
export const acksOf = (records: readonly RecordIdentity[]): { device: DeviceId; ack: Ack }[] => {
  const byLog = new Map<string, { device: DeviceId; epoch: Epoch; sequences: number[] }>();
  for (const { device, epoch, sequence } of records) {
    const key = `${device} ${epoch}`;
    const log = byLog.get(key) ?? { device, epoch, sequences: [] };
    log.sequences.push(sequence);
    byLog.set(key, log);
  }
  return [...byLog.values()].flatMap(({ device, epoch, sequences }) => {
    const ranges = rangesOf(sequences);
    const messages = Math.ceil(ranges.length / ACK_RANGES_MAX);
    return Array.from({ length: messages }, (_, index) => ({
      device,
      ack: { epoch, ranges: ranges.slice(index * ACK_RANGES_MAX, (index + 1) * ACK_RANGES_MAX) },
    }));
  });
};

/**
 * The identity in a message that must have one.
 * @throws NanofleetError MESSAGE_MALFORMED
 */
export const identityOf = ({ device, kind, record }: Message): RecordIdentity => {
  if (record !== undefined) return { device, ...record };
  throw new NanofleetError('MESSAGE_MALFORMED', `a message of kind ${kind} has no record identity`);
};

/** Tells devices that their records are stored. */
export const acknowledge = async (link: Link, records: readonly RecordIdentity[]): Promise<void> => {
  await Promise.all(acksOf(records).map(({ ack, device }) => link.send(device, { kind: 'ack', body: ack })));
};
