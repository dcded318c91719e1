/** Operator routes of label lists. Rules are in the service. */
import type { ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Caller, Input, type Operator, Route } from '../auth/api-route.ts';
import { DesiredService } from '../devices/desired.service.ts';
import { LabelsService } from './labels.service.ts';

/** Routes of label lists; what devices are told follows each change. */
@Controller()
export class LabelsHttp {
  constructor(
    private readonly labels: LabelsService,
    private readonly desired: DesiredService,
  ) {}

  /** The labels of a line. */
  @Route('intents')
  list(@Input() { params }: ApiRequest<'intents'>) {
    return this.labels.list(params.line);
  }

  /** A new label. */
  @Route('addIntent')
  async add(@Input() { body, params }: ApiRequest<'addIntent'>, @Caller() caller: Operator) {
    await this.labels.add(params.line, body.name, caller.name);
    await this.desired.refresh(null);
    return this.labels.list(params.line);
  }

  /** A label taken back. */
  @Route('dropIntent')
  async drop(@Input() { params }: ApiRequest<'dropIntent'>) {
    await this.labels.drop(params.line, params.name);
    await this.desired.refresh(null);
    return this.labels.list(params.line);
  }
}
