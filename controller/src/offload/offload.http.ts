/** Operator routes of bigger tiers. Rules are in the service. */

import type { ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Input, Route } from '../auth/api-route.ts';
import { MiniTier } from './mini-tier.ts';
import { OffloadService } from './offload.service.ts';

/** Routes of `offload`. */
@Controller()
export class OffloadHttp {
  constructor(
    private readonly offload: OffloadService,
    private readonly mini: MiniTier,
  ) {}

  /** One text to the mini tier; it is not stored. */
  @Route('ask')
  async ask(@Input() { body }: ApiRequest<'ask'>) {
    return { ...(await this.mini.decide(body.text)), tier: 'mini' };
  }

  /** Questions, newest first, without their texts. */
  @Route('offloads')
  async list(@Input() { query }: ApiRequest<'offloads'>) {
    return { items: await this.offload.list(query) };
  }
}
