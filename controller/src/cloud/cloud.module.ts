/** Wires the cloud tier. */
import { Global, Module } from '@nestjs/common';
import { CloudHttp } from './cloud.http.ts';
import { CloudRepository } from './cloud.repository.ts';
import { CloudService } from './cloud.service.ts';
import { LineLabels } from './line-labels.ts';

/** The module. */
@Global()
@Module({
  controllers: [CloudHttp],
  providers: [CloudRepository, LineLabels, CloudService],
  exports: [CloudRepository, LineLabels, CloudService],
})
export class CloudModule {}
