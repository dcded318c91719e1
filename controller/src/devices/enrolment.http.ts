/**
 * The endpoints where devices enrol and are let in again: the fleet token inside the body, or the device's own credential,
 * is the access check.
 */

import { enrolRequestSchema, firstIssue, NanofleetError } from '@nanofleet/protocol';
import { Body, Controller, Headers } from '@nestjs/common';
import { DeviceRoute } from '../auth/api-route.ts';
import { deviceLoginOf } from '../auth/bearer.ts';
import { DevicesService } from './devices.service.ts';
import { EnrolmentService } from './enrolment.service.ts';

/** `POST /device/enrol` and `POST /device/admission`. */
@Controller()
export class EnrolmentHttp {
  constructor(
    private readonly enrolment: EnrolmentService,
    private readonly devices: DevicesService,
  ) {}

  /** Enrols a device; the answer is `enrolAnswerSchema`. */
  @DeviceRoute('enrol')
  enrol(@Body() body: unknown) {
    const parsed = enrolRequestSchema.safeParse(body);
    if (!parsed.success) throw new NanofleetError('INPUT_INVALID', `body: ${firstIssue(parsed.error)}`);
    return this.enrolment.enrol(parsed.data);
  }

  /** Lets a device in at the broker that has refused it. */
  @DeviceRoute('admission')
  async admit(@Headers('authorization') authorization?: string) {
    await this.devices.readmit(deviceLoginOf(authorization));
    return { ok: true };
  }
}
