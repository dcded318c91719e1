/** The endpoint where devices enrol; the fleet token inside the body is its access check. */

import { enrolRequestSchema, firstIssue, NanofleetError } from '@nanofleet/protocol';
import { Body, Controller } from '@nestjs/common';
import { DeviceRoute } from '../auth/api-route.ts';
import { EnrolmentService } from './enrolment.service.ts';

/** `POST /device/enrol`. */
@Controller()
export class EnrolmentHttp {
  constructor(private readonly enrolment: EnrolmentService) {}

  /** Enrols a device; the answer is `enrolAnswerSchema`. */
  @DeviceRoute('enrol')
  enrol(@Body() body: unknown) {
    const parsed = enrolRequestSchema.safeParse(body);
    if (!parsed.success) throw new NanofleetError('INPUT_INVALID', `body: ${firstIssue(parsed.error)}`);
    return this.enrolment.enrol(parsed.data);
  }
}
