/** Wires timeline, beats and figures. */
import { Global, Module } from '@nestjs/common';
import { BeatsRepository } from './beats.repository.ts';
import { FiguresService } from './figures.service.ts';
import { HistoryHttp } from './history.http.ts';
import { TimelineRepository } from './timeline.repository.ts';
import { TimelineService } from './timeline.service.ts';
import { TransfersRepository } from './transfers.repository.ts';

/** The module. */
@Global()
@Module({
  controllers: [HistoryHttp],
  providers: [TimelineRepository, TimelineService, BeatsRepository, FiguresService, TransfersRepository],
  exports: [TimelineRepository, TimelineService, BeatsRepository, TransfersRepository],
})
export class HistoryModule {}
