/**
 * Nonces that devices sign: each carries its time and a code of this fleet's controllers, so that none is stored and any
 * controller takes what another has given. Never knows who signs.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { NanofleetError, NONCE_MS } from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../ports/clock.ts';
import { Identity } from '../state/identity.ts';

const TIME_BYTES = 8;
const CODE_BYTES = 24;

/** Nonces of 32 bytes. */
@Injectable()
export class NoncesService {
  /** Made once: it costs a signature. */
  #key: Buffer | null = null;

  constructor(
    private readonly identity: Identity,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** A nonce, base64. */
  make(): string {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeBigUInt64BE(BigInt(Math.floor(this.clock.unixMs())));
    return Buffer.concat([time, this.#codeOf(time)]).toString('base64');
  }

  /** @throws NanofleetError NONCE_INVALID for one that is not ours, or older than NONCE_MS */
  check(nonce: string): void {
    const bytes = Buffer.from(nonce, 'base64');
    const time = bytes.subarray(0, TIME_BYTES);
    const code = bytes.subarray(TIME_BYTES);
    const isOurs = code.length === CODE_BYTES && timingSafeEqual(code, this.#codeOf(time));
    if (isOurs && Math.abs(this.clock.unixMs() - Number(time.readBigUInt64BE())) <= NONCE_MS) return;
    throw new NanofleetError('NONCE_INVALID', 'nonce: it is not of this fleet, or too old; ask for another.');
  }

  #codeOf(time: Uint8Array): Buffer {
    this.#key ??= this.identity.nonceKey;
    return createHmac('sha256', this.#key).update(time).digest().subarray(0, CODE_BYTES);
  }
}
