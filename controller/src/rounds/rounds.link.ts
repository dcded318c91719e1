/** Steps of rounds as they come from devices. Rules are in the services. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Link } from '../link/link.ts';
import { ContributionsService } from './contributions.service.ts';

/** Takes acceptances and updates. */
@Injectable()
export class RoundsLink implements OnModuleInit {
  constructor(
    private readonly link: Link,
    private readonly contributions: ContributionsService,
  ) {}

  /** Registers the takers. */
  onModuleInit(): void {
    this.link.on('round/accept', (message, channel) =>
      channel.kind === 'round' ? this.contributions.accept(channel.round, message) : undefined,
    );
    this.link.onFrame('update', (frame, from) => this.contributions.frame(frame, from));
  }
}
