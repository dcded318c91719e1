/** Operator routes of jobs. Rules are in the service. */
import type { ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Input, Route } from '../auth/api-route.ts';
import { JobsService } from './jobs.service.ts';

/** Routes of `jobs`. */
@Controller()
export class JobsHttp {
  constructor(private readonly jobs: JobsService) {}

  /** Devices are asked. */
  @Route('makeJob')
  make(@Input() { body }: ApiRequest<'makeJob'>) {
    return this.jobs.make(body);
  }

  /** Newest first. */
  @Route('jobs')
  async list(@Input() { query }: ApiRequest<'jobs'>) {
    return { items: await this.jobs.list(query.limit) };
  }

  /** One with its executions. */
  @Route('job')
  show(@Input() { params }: ApiRequest<'job'>) {
    return this.jobs.show(params.job);
  }

  /** What has not been begun is not. */
  @Route('cancelJob')
  cancel(@Input() { params }: ApiRequest<'cancelJob'>) {
    return this.jobs.cancel(params.job);
  }
}
