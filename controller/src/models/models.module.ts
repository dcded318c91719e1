/** Wires the registry and its blobs. */
import { Global, Module } from '@nestjs/common';
import { DeviceBlobsHttp } from './device-blobs.http.ts';
import { ModelsHttp } from './models.http.ts';
import { ModelsRepository } from './models.repository.ts';
import { ModelsService } from './models.service.ts';

/** The module. */
@Global()
@Module({
  controllers: [ModelsHttp, DeviceBlobsHttp],
  providers: [ModelsRepository, ModelsService],
  exports: [ModelsRepository, ModelsService],
})
export class ModelsModule {}
