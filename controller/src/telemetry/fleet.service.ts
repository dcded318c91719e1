/** The fleet in figures, now: sums since it was made, and who is connected. Never looks at single events. */
import type { ApiAnswer } from '@nanofleet/protocol';
import { Injectable } from '@nestjs/common';
import { DevicesRepository } from '../devices/devices.repository.ts';
import { Link } from '../link/link.ts';
import { TelemetryLink } from './telemetry.link.ts';
import { TelemetryRepository } from './telemetry.repository.ts';

/** The figures. */
@Injectable()
export class FleetService {
  constructor(
    private readonly repository: TelemetryRepository,
    private readonly ingest: TelemetryLink,
    private readonly devices: DevicesRepository,
    private readonly link: Link,
  ) {}

  /** As they stand. */
  async figures(): Promise<ApiAnswer<'fleet'>> {
    const [devices, tallies] = await Promise.all([this.devices.counts(), this.repository.tallies()]);
    const tally = (name: string): number => tallies.get(name) ?? 0;
    const events = [...tallies].filter(([name]) => name.startsWith('event:'));
    return {
      devices,
      decisions: tally('event:decision'),
      events: events.reduce((sum, [, value]) => sum + value, 0),
      offloads: {
        total: tally('offload:asked'),
        answered: tally('offload:answered'),
        unanswered: tally('offload:unanswered'),
        expired: tally('offload:expired'),
      },
      ingest: { ...this.link.counts, duplicates: this.ingest.duplicates },
    };
  }
}
