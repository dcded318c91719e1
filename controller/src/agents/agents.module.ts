/** Wires releases of the agent. */
import { Global, Module } from '@nestjs/common';
import { AgentsHttp } from './agents.http.ts';
import { AgentsRepository } from './agents.repository.ts';
import { AgentsService } from './agents.service.ts';

/** The module. */
@Global()
@Module({
  controllers: [AgentsHttp],
  providers: [AgentsRepository, AgentsService],
  exports: [AgentsRepository, AgentsService],
})
export class AgentsModule {}
