/** Questions as they come from devices. Rules are in the service. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Link } from '../link/link.ts';
import { OffloadService } from './offload.service.ts';

/** Takes questions. */
@Injectable()
export class OffloadLink implements OnModuleInit {
  constructor(
    private readonly link: Link,
    private readonly offload: OffloadService,
  ) {}

  /** Registers the taker. */
  onModuleInit(): void {
    this.link.on('offload/req', (message) => this.offload.ask(message));
  }
}
