/** Operator routes of the cloud tier. Rules are in the service. */
import type { ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Input, Route } from '../auth/api-route.ts';
import { CloudRepository } from './cloud.repository.ts';
import { CloudService } from './cloud.service.ts';

/** Routes of `cloud`. */
@Controller()
export class CloudHttp {
  constructor(
    private readonly cloud: CloudService,
    private readonly repository: CloudRepository,
  ) {}

  /** Provider, health, money. */
  @Route('cloud')
  shown() {
    return this.cloud.shown();
  }

  /** The audit of calls. */
  @Route('cloudCalls')
  async calls(@Input() { query }: ApiRequest<'cloudCalls'>) {
    return { items: await this.repository.calls(query) };
  }

  /** Proposed intents. */
  @Route('proposals')
  async proposals(@Input() { query }: ApiRequest<'proposals'>) {
    return { items: await this.repository.proposals(query.limit) };
  }
}
