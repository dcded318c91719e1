/** Wires rollouts. */
import { Global, Module } from '@nestjs/common';
import { RolloutsHttp } from './rollouts.http.ts';
import { RolloutsRepository } from './rollouts.repository.ts';
import { RolloutsService } from './rollouts.service.ts';

/** The module. */
@Global()
@Module({
  controllers: [RolloutsHttp],
  providers: [RolloutsRepository, RolloutsService],
  exports: [RolloutsRepository],
})
export class RolloutsModule {}
