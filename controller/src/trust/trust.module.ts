/** Wires the release metadata. */
import { Global, Module } from '@nestjs/common';
import { TrustHttp } from './trust.http.ts';
import { TrustRepository } from './trust.repository.ts';
import { TrustService } from './trust.service.ts';

/** The module. */
@Global()
@Module({
  controllers: [TrustHttp],
  providers: [TrustRepository, TrustService],
  exports: [TrustService],
})
export class TrustModule {}
