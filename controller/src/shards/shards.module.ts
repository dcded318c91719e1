/** Wires the sharing of devices among controllers. */
import { Global, Module } from '@nestjs/common';
import { ShardsRepository } from './shards.repository.ts';
import { ShardsService } from './shards.service.ts';

/** The module. */
@Global()
@Module({ providers: [ShardsRepository, ShardsService], exports: [ShardsService] })
export class ShardsModule {}
