/**
 * How often one address may ask without showing who it is: a bucket per address that fills steadily. Bounded: at the
 * bound the address that has not asked for longest is forgotten. Pure but for what it remembers; the time is given.
 */
import { isIPv6 } from 'node:net';

interface Bucket {
  left: number;
  atMs: number;
}

/** What is allowed. */
export interface RequestLimitOptions {
  /** Requests of one address at once; as many come back within a minute. */
  readonly perMinute: number;
  readonly addressesMax: number;
}

/** Requests by address. */
export class RequestLimit {
  readonly #options: RequestLimitOptions;
  /** In the order in which they last asked. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RequestLimitOptions) {
    this.#options = options;
  }

  /** Takes a request of an address; false when it has none left now. */
  take(address: string, nowMs: number): boolean {
    const { addressesMax, perMinute } = this.#options;
    const key = networkOf(address);
    const { atMs, left } = this.#buckets.get(key) ?? { left: perMinute, atMs: nowMs };
    const filled = Math.min(perMinute, left + (Math.max(0, nowMs - atMs) * perMinute) / 60_000);
    const isAllowed = filled >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { left: isAllowed ? filled - 1 : filled, atMs: nowMs });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > addressesMax && oldest !== undefined) this.#buckets.delete(oldest);
    return isAllowed;
  }
}

/** Whoever has one address of IPv6 has the other ones of its network, usually 64 bits, too. */
const networkOf = (address: string): string => {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const given = head.split(':');
  const missing = tail === undefined ? 0 : 8 - given.length - tail.split(':').length;
  return [...given, ...Array.from({ length: Math.max(0, missing) }, () => '0')].slice(0, 4).join(':');
};
