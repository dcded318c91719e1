/** Operator routes of events and figures. */

import type { ApiAnswer, ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Input, Route } from '../auth/api-route.ts';
import { FleetService } from './fleet.service.ts';
import { TelemetryRepository } from './telemetry.repository.ts';

/** Routes of `telemetry`. */
@Controller()
export class TelemetryHttp {
  constructor(
    private readonly repository: TelemetryRepository,
    private readonly figures: FleetService,
  ) {}

  /** The fleet in figures. */
  @Route('fleet')
  fleet(): Promise<ApiAnswer<'fleet'>> {
    return this.figures.figures();
  }

  /** Events after a position. */
  @Route('events')
  async events(@Input() { query }: ApiRequest<'events'>) {
    return { items: await this.repository.list(query) };
  }
}
