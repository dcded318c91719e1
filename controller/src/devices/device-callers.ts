/**
 * Who calls on a connection, for callers that call again and again: a download of some megabytes is a hundred requests. Asks
 * `DevicesService` and remembers the answer for a moment, with the connection; decides nothing.
 */
import type { DeviceId } from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../ports/clock.ts';
import { type DeviceCall, DevicesService } from './devices.service.ts';

/** How much longer a device that was revoked may go on with a download. */
const KNOWN_FOR_MS = 1_000;

interface KnownCaller {
  readonly authorization: string | undefined;
  readonly device: DeviceId;
  /** Monotonic microseconds. */
  readonly until: number;
}

/** Callers that are known. */
@Injectable()
export class DeviceCallers {
  readonly #byConnection = new WeakMap<object, KnownCaller>();

  constructor(
    private readonly devices: DevicesService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The device behind a request, as of a second ago at most.
   * @throws NanofleetError TOKEN_MISSING, TOKEN_INVALID, CERTIFICATE_INVALID, DEVICE_REVOKED
   */
  async callerOf(call: DeviceCall & { readonly stream: object }): Promise<DeviceId> {
    const { authorization, stream } = call;
    const known = this.#byConnection.get(stream);
    const now = this.clock.monotonicMicros();
    if (known !== undefined && known.authorization === authorization && now < known.until)
      return known.device;
    const device = await this.devices.callerOf(call);
    this.#byConnection.set(stream, { authorization, device, until: now + KNOWN_FOR_MS * 1_000 });
    return device;
  }
}
