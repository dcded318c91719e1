/** Operator routes of what was. Rules are in the services. */
import type { ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Input, Route } from '../auth/api-route.ts';
import { BeatsRepository } from './beats.repository.ts';
import { FiguresService } from './figures.service.ts';
import { TimelineRepository } from './timeline.repository.ts';

/** Routes of `history`. */
@Controller()
export class HistoryHttp {
  constructor(
    private readonly timelines: TimelineRepository,
    private readonly fleet: FiguresService,
    private readonly beatsOf: BeatsRepository,
  ) {}

  /** What happened. */
  @Route('timeline')
  async timeline(@Input() { query }: ApiRequest<'timeline'>) {
    return { items: await this.timelines.list(query) };
  }

  /** The fleet over time. */
  @Route('figures')
  figures(@Input() { query }: ApiRequest<'figures'>) {
    return this.fleet.list(query);
  }

  /** A device over time. */
  @Route('beats')
  async beats(@Input() { params, query }: ApiRequest<'beats'>) {
    return { items: await this.beatsOf.list(params.device, query.grain) };
  }
}
