/** Wires probes and figures for Prometheus. */
import { Module } from '@nestjs/common';
import { LiveModule } from '../live/live.module.ts';
import { MetricsHttp } from './metrics.http.ts';
import { MetricsService } from './metrics.service.ts';
import { ReadinessService } from './readiness.service.ts';

/** The module. */
@Module({ imports: [LiveModule], controllers: [MetricsHttp], providers: [MetricsService, ReadinessService] })
export class MetricsModule {}
