/**
 * Blobs over MQTT, for devices that cannot reach the HTTP side: a piece for each request, of what HTTP serves, too. One request of a
 * device at a time and few at once, so that a crowd of such devices fills no memory; who gets no answer asks again.
 */
import {
  BLOB_ANSWERS_MAX,
  type BlobRequest,
  type DeviceId,
  encodeBlobPiece,
  type Message,
  toNanofleetError,
} from '@nanofleet/protocol';
import type { Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { inBackground } from '../link/broker-rights.ts';
import { Link } from '../link/link.ts';
import { LOG } from '../ports/log.ts';
import { ServedBlobs } from './served-blobs.ts';

/** Takes requests. */
@Injectable()
export class BlobsLink implements OnModuleInit {
  /** The newest request of each device that waits, in the order of their coming. */
  readonly #waiting = new Map<DeviceId, BlobRequest>();
  readonly #served = new Set<DeviceId>();

  constructor(
    private readonly link: Link,
    private readonly blobs: ServedBlobs,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Registers the taker. */
  onModuleInit(): void {
    this.link.on('blob/req', (message) => this.#take(message));
  }

  #take({ body, device }: Message<'blob/req'>): void {
    this.#waiting.set(device, body);
    this.#serveNext();
  }

  #serveNext(): void {
    for (const [device, request] of this.#waiting) {
      if (this.#served.size >= BLOB_ANSWERS_MAX) return;
      if (this.#served.has(device)) continue;
      this.#waiting.delete(device);
      this.#served.add(device);
      inBackground(this.log, this.#serve(device, request), 'a piece of a blob was not sent');
    }
  }

  async #serve(device: DeviceId, request: BlobRequest): Promise<void> {
    try {
      await this.#answer(device, request);
    } finally {
      this.#served.delete(device);
      this.#serveNext();
    }
  }

  async #answer(device: DeviceId, { from, length, name, transfer }: BlobRequest): Promise<void> {
    try {
      const found = await this.blobs.find(name);
      const bytes = await this.blobs.part(found, { from, to: Math.min(from + length, found.size) - 1 });
      const payload = encodeBlobPiece({ bytes, totalBytes: found.size });
      const frame = { kind: 'blob', correlation: transfer, index: 0, isLast: true, payload } as const;
      await this.link.sendFrame(device, { kind: 'blob/res' }, frame);
    } catch (thrown) {
      const { code, message } = toNanofleetError(thrown);
      await this.link.send(device, { kind: 'blob/res', body: { transfer, code, message } });
    }
  }
}
