/** Questions as they come from devices. Rules are in the service. */
import type { Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { inBackground } from '../link/broker-rights.ts';
import { Link } from '../link/link.ts';
import { LOG } from '../ports/log.ts';
import { ShardsService } from '../shards/shards.service.ts';
import { OffloadService } from './offload.service.ts';

/** Takes questions. */
@Injectable()
export class OffloadLink implements OnModuleInit {
  constructor(
    private readonly link: Link,
    private readonly offload: OffloadService,
    private readonly shards: ShardsService,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Registers the taker, and takes up what is open in shards that come. */
  onModuleInit(): void {
    this.link.on('offload/req', (message) => this.offload.ask(message));
    this.shards.onTaken((shards) =>
      inBackground(this.log, this.offload.resume(shards), 'open questions were not taken up'),
    );
  }
}
