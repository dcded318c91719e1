/** Operator routes of rollouts. Rules are in the service. */

import type { ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Input, Route } from '../auth/api-route.ts';
import { ForecastService } from './forecast.service.ts';
import { RolloutsService } from './rollouts.service.ts';

/** Routes of `rollouts`. */
@Controller()
export class RolloutsHttp {
  constructor(
    private readonly rollouts: RolloutsService,
    private readonly forecasts: ForecastService,
  ) {}

  /** A new rollout. */
  @Route('makeRollout')
  make(@Input() { body }: ApiRequest<'makeRollout'>) {
    return this.rollouts.make(body);
  }

  /** What a rollout would do. */
  @Route('forecastRollout')
  forecast(@Input() { body }: ApiRequest<'forecastRollout'>) {
    return this.forecasts.forecast(body);
  }

  /** Rollouts, newest first. */
  @Route('rollouts')
  async list(@Input() { query }: ApiRequest<'rollouts'>) {
    return { items: await this.rollouts.list(query.limit) };
  }

  /** An order to a rollout in waves. */
  @Route('orderRollout')
  order(@Input() { params, body }: ApiRequest<'orderRollout'>) {
    return this.rollouts.order(params.id, body.order);
  }

  /** One rollout. */
  @Route('rollout')
  show(@Input() { params }: ApiRequest<'rollout'>) {
    return this.rollouts.show(params.id);
  }
}
