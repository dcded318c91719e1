/**
 * Sends what lies in the outbox: highest class first, within its window, again when the controller stays silent. Owns
 * when; the outbox owns what. Nothing leaves before the outbound log says so.
 */

import {
  type Address,
  type DeviceEvent,
  encodeMessage,
  type Header,
  type Message,
  OFFLOAD_DEADLINE_MAX_MS,
  type OffloadPolicy,
  topicOf,
} from '@nanofleet/protocol';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import { decodeOffload } from '../inference/stored-offload.ts';
import type { Identity } from '../store/identity.ts';
import type { OutboundLog } from '../store/outbound-log.ts';
import type { Outbox, OutboxRecord } from '../store/outbox.ts';

/** Records sent in one go; then the program does other things. */
const RECORDS_PER_TURN = 32;
/** Records of lower classes wait so long for company: sending costs more than deciding. */
const GATHER_MS = 10;
/** Without any acknowledgement for so long everything unacknowledged is sent again. */
const SILENCE_MS = 20_000;

/** Sends bytes; rejects when the connection is gone. */
export type Send = (topic: string, payload: Uint8Array) => Promise<void>;

/** What the pump needs. */
export interface PumpOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: Identity;
  readonly outbox: Outbox;
  readonly outbound: OutboundLog;
  readonly policy: () => OffloadPolicy;
  /** The time that deadlines are of. */
  readonly steadyMs: () => number;
}

/** Moves records from the outbox to a connection. */
export class OutboxPump {
  readonly #options: PumpOptions;
  #send: Send | null = null;
  #isScheduled = false;
  #heardMicros = 0;

  constructor(options: PumpOptions) {
    this.#options = options;
  }

  /** Begins to send over a connection; what an earlier one did not get acknowledged goes first. */
  open(send: Send): void {
    this.#send = send;
    this.#options.outbox.rewind();
    this.#heardMicros = this.#options.clock.monotonicMicros();
    this.wake(0);
  }

  /** Stops sending. */
  close(): void {
    this.#send = null;
  }

  /** There may be something to send. */
  wake(delayMs = GATHER_MS): void {
    if (this.#send === null || this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.clock.after(delayMs, () => {
      this.#isScheduled = false;
      this.#turn();
    });
  }

  /** The controller has acknowledged something: it lives, and there is room in the window. */
  heard(): void {
    this.#heardMicros = this.#options.clock.monotonicMicros();
    this.wake();
  }

  /** Sends again what was not acknowledged for too long. Called at an interval. */
  checkSilence(): void {
    const silentMs = (this.#options.clock.monotonicMicros() - this.#heardMicros) / 1_000;
    if (this.#send === null || this.#options.outbox.inFlight === 0 || silentMs < SILENCE_MS) return;
    this.#heardMicros = this.#options.clock.monotonicMicros();
    this.#options.log.info('outbox-resend', { records: this.#options.outbox.inFlight });
    this.#options.outbox.rewind();
    this.wake(0);
  }

  #turn(): void {
    const records = this.#send === null ? [] : this.#options.outbox.take(RECORDS_PER_TURN);
    for (const record of records) this.#sendOne(record);
    if (records.length === RECORDS_PER_TURN) this.wake(0);
  }

  #sendOne(record: OutboxRecord): void {
    try {
      const message = this.#messageOf(record);
      const { fleet, device } = this.#options.identity;
      const address: Address = { fleet, device, channel: { kind: message.kind } };
      const payload = encodeMessage(message);
      if (message.kind === 'offload/req') this.#noteOutbound(message, payload.length);
      void this.#send?.(topicOf(address), payload).catch(() => undefined);
    } catch (thrown) {
      // Stays unacknowledged, so it is tried again; the log tells if that goes on.
      this.#options.log.warn('record-not-sent', { sequence: record.sequence, why: String(thrown) });
    }
  }

  #messageOf(record: OutboxRecord): Message<'event'> | Message<'offload/req'> {
    const { outbox, identity } = this.#options;
    const { sequence, recordedAtMs, expiresAtMs, payload, recordClass } = record;
    const header: Header = {
      device: identity.device,
      at: recordedAtMs,
      record: { epoch: outbox.epoch, sequence },
    };
    if (recordClass !== 'offload') {
      // Written by this program, behind a CRC: the type is known, and a schema would cost more than the sending.
      return { ...header, kind: 'event', body: JSON.parse(payload) as DeviceEvent };
    }
    const { request } = decodeOffload(payload);
    const leftMs = Math.ceil(expiresAtMs - this.#options.steadyMs());
    const remainingMs = Math.min(OFFLOAD_DEADLINE_MAX_MS, Math.max(1, leftMs));
    return { ...header, kind: 'offload/req', correlation: request.decision, remainingMs, body: request };
  }

  #noteOutbound({ body }: Message<'offload/req'>, bytes: number): void {
    const { outbound, clock, policy } = this.#options;
    outbound.note({
      at: clock.unixMs(),
      what: 'offload',
      decision: body.decision,
      bytes,
      redacted: body.redacted,
      policy: policy(),
    });
  }
}
