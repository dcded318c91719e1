/** Wires devices, groups, enrolment and desired states. */
import { Global, Module } from '@nestjs/common';
import { CertificatesService } from './certificates.service.ts';
import { DesiredService } from './desired.service.ts';
import { DeviceCallers } from './device-callers.ts';
import { DevicesHttp } from './devices.http.ts';
import { DevicesLink } from './devices.link.ts';
import { DevicesRepository } from './devices.repository.ts';
import { DevicesService } from './devices.service.ts';
import { EnrolmentHttp } from './enrolment.http.ts';
import { EnrolmentService } from './enrolment.service.ts';
import { NoncesService } from './nonces.service.ts';
import { ReadmissionService } from './readmission.service.ts';
import { ReplacementService } from './replacement.service.ts';
import { ReportsRepository } from './reports.repository.ts';
import { ReportsService } from './reports.service.ts';
import { RotationHttp } from './rotation.http.ts';
import { RotationService } from './rotation.service.ts';

/** The module. */
@Global()
@Module({
  controllers: [DevicesHttp, EnrolmentHttp, RotationHttp],
  providers: [
    DevicesRepository,
    DesiredService,
    DevicesService,
    DeviceCallers,
    NoncesService,
    ReadmissionService,
    CertificatesService,
    ReplacementService,
    RotationService,
    EnrolmentService,
    ReportsRepository,
    ReportsService,
    DevicesLink,
  ],
  exports: [DevicesRepository, DesiredService, DevicesService, DeviceCallers, ReportsService],
})
export class DevicesModule {}
