/**
 * The endpoints where devices enrol and are let in again: the fleet token inside the body, or the device's own credential,
 * is the access check.
 */

import {
  certificateRequestSchema,
  enrolRequestSchema,
  firstIssue,
  NanofleetError,
} from '@nanofleet/protocol';
import { Body, Controller, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { DeviceRoute } from '../auth/api-route.ts';
import { deviceLoginOf } from '../auth/bearer.ts';
import { CertificatesService } from './certificates.service.ts';
import { DevicesService } from './devices.service.ts';
import { EnrolmentService } from './enrolment.service.ts';
import { NoncesService } from './nonces.service.ts';

/** `POST /device/enrol`, `admission`, `nonce`, `certificate`. */
@Controller()
export class EnrolmentHttp {
  constructor(
    private readonly enrolment: EnrolmentService,
    private readonly devices: DevicesService,
    private readonly certificates: CertificatesService,
    private readonly nonces: NoncesService,
  ) {}

  /** Enrols a device; the answer is `enrolAnswerSchema`. */
  @DeviceRoute('enrol')
  enrol(@Body() body: unknown) {
    return this.enrolment.enrol(checked(enrolRequestSchema, body));
  }

  /** Something fresh to sign. */
  @DeviceRoute('nonce')
  nonce() {
    return { nonce: this.nonces.make() };
  }

  /** The next certificate of a device; the answer is `tlsGrantSchema`. */
  @DeviceRoute('certificate')
  certify(@Body() body: unknown) {
    return this.certificates.renew(checked(certificateRequestSchema, body));
  }

  /** Lets a device in at the broker that has refused it. */
  @DeviceRoute('admission')
  async admit(@Req() { headers: { authorization }, raw }: FastifyRequest) {
    await this.devices.callerOf({ authorization, stream: raw.socket });
    await this.devices.readmit(deviceLoginOf(authorization));
    return { ok: true };
  }
}

/** @throws NanofleetError INPUT_INVALID */
const checked = <S extends z.ZodType>(schema: S, body: unknown): z.output<S> => {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new NanofleetError('INPUT_INVALID', `body: ${firstIssue(parsed.error)}`);
};
