/**
 * The endpoints where devices enrol and are let in again: the fleet token inside the body, or the device's own credential,
 * is the access check.
 */

import {
  certificateRequestSchema,
  enrolRequestSchema,
  firstIssue,
  NanofleetError,
  PROOF_ADDRESSES_MAX,
  PROOFS_PER_MINUTE_MAX,
} from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import { Body, Controller, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { DeviceRoute } from '../auth/api-route.ts';
import { CLOCK } from '../ports/clock.ts';
import { CertificatesService } from './certificates.service.ts';
import { DevicesService } from './devices.service.ts';
import { EnrolmentService } from './enrolment.service.ts';
import { NoncesService } from './nonces.service.ts';
import { RequestLimit } from './request-limit.ts';

/** `POST /device/enrol`, `admission`, `nonce`, `certificate`. */
@Controller()
export class EnrolmentHttp {
  /** Requests that nobody has shown a secret for, and that cost a signature to make or check. */
  readonly #limit = new RequestLimit({
    perMinute: PROOFS_PER_MINUTE_MAX,
    addressesMax: PROOF_ADDRESSES_MAX,
  });

  constructor(
    private readonly enrolment: EnrolmentService,
    private readonly devices: DevicesService,
    private readonly certificates: CertificatesService,
    private readonly nonces: NoncesService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Enrols a device; the answer is `enrolAnswerSchema`. */
  @DeviceRoute('enrol')
  enrol(@Body() body: unknown) {
    return this.enrolment.enrol(checked(enrolRequestSchema, body));
  }

  /** Something fresh to sign. */
  @DeviceRoute('nonce')
  nonce(@Req() { raw }: FastifyRequest) {
    this.#takeRequest(raw.socket.remoteAddress);
    return { nonce: this.nonces.make() };
  }

  /** The next certificate of a device; the answer is `tlsGrantSchema`. */
  @DeviceRoute('certificate')
  certify(@Body() body: unknown, @Req() { raw }: FastifyRequest) {
    this.#takeRequest(raw.socket.remoteAddress);
    return this.certificates.renew(checked(certificateRequestSchema, body));
  }

  /** Lets a device in at the broker that has refused it. */
  @DeviceRoute('admission')
  async admit(@Req() { headers: { authorization }, raw }: FastifyRequest) {
    await this.devices.readmit({ authorization, stream: raw.socket });
    return { ok: true };
  }

  #takeRequest(address = ''): void {
    if (this.#limit.take(address, this.clock.monotonicMicros() / 1_000)) return;
    const problem = `${address} has asked for certificates more than ${PROOFS_PER_MINUTE_MAX} times within a minute; wait.`;
    throw new NanofleetError('REQUESTS_TOO_MANY', problem);
  }
}

/** @throws NanofleetError INPUT_INVALID */
const checked = <S extends z.ZodType>(schema: S, body: unknown): z.output<S> => {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new NanofleetError('INPUT_INVALID', `body: ${firstIssue(parsed.error)}`);
};
