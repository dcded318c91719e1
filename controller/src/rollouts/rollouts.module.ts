/** Wires rollouts. */
import { Global, Module } from '@nestjs/common';
import { GateService } from './gate.service.ts';
import { RolloutsDriver } from './rollouts.driver.ts';
import { RolloutsHttp } from './rollouts.http.ts';
import { RolloutsRepository } from './rollouts.repository.ts';
import { RolloutsService } from './rollouts.service.ts';

/** The module. */
@Global()
@Module({
  controllers: [RolloutsHttp],
  providers: [GateService, RolloutsDriver, RolloutsRepository, RolloutsService],
  exports: [RolloutsRepository],
})
export class RolloutsModule {}
