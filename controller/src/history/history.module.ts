/** Wires timeline, beats and figures. */
import { Global, Module } from '@nestjs/common';
import { BeatsRepository } from './beats.repository.ts';
import { FiguresService } from './figures.service.ts';
import { HistoryHttp } from './history.http.ts';
import { TimelineRepository } from './timeline.repository.ts';
import { TimelineService } from './timeline.service.ts';

/** The module. */
@Global()
@Module({
  controllers: [HistoryHttp],
  providers: [TimelineRepository, TimelineService, BeatsRepository, FiguresService],
  exports: [TimelineRepository, TimelineService, BeatsRepository],
})
export class HistoryModule {}
