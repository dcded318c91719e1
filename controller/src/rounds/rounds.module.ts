/** Wires federated rounds. */
import { Global, Module } from '@nestjs/common';
import { AverageService } from './average.service.ts';
import { CandidateService } from './candidate.service.ts';
import { CandidatesRepository } from './candidates.repository.ts';
import { ContributionsService } from './contributions.service.ts';
import { ExamplesRepository } from './examples.repository.ts';
import { RoundsDriver } from './rounds.driver.ts';
import { RoundsHttp } from './rounds.http.ts';
import { RoundsLink } from './rounds.link.ts';
import { RoundsRepository } from './rounds.repository.ts';
import { RoundsService } from './rounds.service.ts';

/** The module. */
@Global()
@Module({
  controllers: [RoundsHttp],
  providers: [
    RoundsRepository,
    CandidatesRepository,
    ExamplesRepository,
    AverageService,
    CandidateService,
    RoundsDriver,
    RoundsService,
    ContributionsService,
    RoundsLink,
  ],
  exports: [RoundsDriver],
})
export class RoundsModule {}
