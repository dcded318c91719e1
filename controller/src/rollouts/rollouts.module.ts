/** Wires rollouts. */
import { Global, Module } from '@nestjs/common';
import { BundleCostService } from './bundle-cost.service.ts';
import { ForecastRepository } from './forecast.repository.ts';
import { ForecastService } from './forecast.service.ts';
import { GateService } from './gate.service.ts';
import { RolloutsDriver } from './rollouts.driver.ts';
import { RolloutsHttp } from './rollouts.http.ts';
import { RolloutsRepository } from './rollouts.repository.ts';
import { RolloutsService } from './rollouts.service.ts';

/** The module. */
@Global()
@Module({
  controllers: [RolloutsHttp],
  providers: [
    BundleCostService,
    ForecastRepository,
    ForecastService,
    GateService,
    RolloutsDriver,
    RolloutsRepository,
    RolloutsService,
  ],
  exports: [RolloutsRepository],
})
export class RolloutsModule {}
