/** Wires jobs. */
import { Global, Module } from '@nestjs/common';
import { JobsDriver } from './jobs.driver.ts';
import { JobsHttp } from './jobs.http.ts';
import { JobsRepository } from './jobs.repository.ts';
import { JobsService } from './jobs.service.ts';

/** The module. */
@Global()
@Module({
  controllers: [JobsHttp],
  providers: [JobsRepository, JobsService, JobsDriver],
  exports: [JobsDriver],
})
export class JobsModule {}
