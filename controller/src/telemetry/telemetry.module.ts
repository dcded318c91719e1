/** Wires events and figures. */
import { Global, Module } from '@nestjs/common';
import { TelemetryHttp } from './telemetry.http.ts';
import { TelemetryLink } from './telemetry.link.ts';
import { TelemetryRepository } from './telemetry.repository.ts';

/** The module. */
@Global()
@Module({ controllers: [TelemetryHttp], providers: [TelemetryRepository, TelemetryLink] })
export class TelemetryModule {}
