/** Wires bigger tiers. */
import { Global, Module } from '@nestjs/common';
import { MiniTier } from './mini-tier.ts';
import { OffloadHttp } from './offload.http.ts';
import { OffloadLink } from './offload.link.ts';
import { OffloadRepository } from './offload.repository.ts';
import { OffloadService } from './offload.service.ts';
import { Tiers } from './tiers.ts';

/** The module. */
@Global()
@Module({
  controllers: [OffloadHttp],
  providers: [OffloadRepository, MiniTier, Tiers, OffloadService, OffloadLink],
  exports: [OffloadService, MiniTier],
})
export class OffloadModule {}
