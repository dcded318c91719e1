/** Wires events and figures. */
import { Global, Module } from '@nestjs/common';
import { FleetService } from './fleet.service.ts';
import { TelemetryHttp } from './telemetry.http.ts';
import { TelemetryLink } from './telemetry.link.ts';
import { TelemetryRepository } from './telemetry.repository.ts';

/** The module. */
@Global()
@Module({
  controllers: [TelemetryHttp],
  providers: [TelemetryRepository, TelemetryLink, FleetService],
  exports: [FleetService],
})
export class TelemetryModule {}
