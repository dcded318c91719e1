/** Wires the registry and its blobs. */
import { Global, Module } from '@nestjs/common';
import { BlobsLink } from './blobs.link.ts';
import { ChunkLists } from './chunk-lists.ts';
import { Deltas } from './deltas.ts';
import { DeviceBlobsHttp } from './device-blobs.http.ts';
import { LabelsHttp } from './labels.http.ts';
import { LabelsRepository } from './labels.repository.ts';
import { LabelsService } from './labels.service.ts';
import { ModelsHttp } from './models.http.ts';
import { ModelsRepository } from './models.repository.ts';
import { ModelsService } from './models.service.ts';
import { ServedBlobs } from './served-blobs.ts';

/** The module. */
@Global()
@Module({
  controllers: [ModelsHttp, LabelsHttp],
  providers: [
    ModelsRepository,
    ModelsService,
    Deltas,
    ChunkLists,
    ServedBlobs,
    BlobsLink,
    DeviceBlobsHttp,
    LabelsRepository,
    LabelsService,
  ],
  exports: [Deltas, ModelsRepository, ModelsService, LabelsRepository, LabelsService],
})
export class ModelsModule {}
