/** Operator routes of the registry. Rules are in the service. */

import { type ApiRequest, NanofleetError } from '@nanofleet/protocol';
import { Controller, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Input, Route } from '../auth/api-route.ts';
import { BlobStore } from './blob-store.ts';
import { ModelsService } from './models.service.ts';

/** Routes of `models`. */
@Controller()
export class ModelsHttp {
  constructor(
    private readonly models: ModelsService,
    private readonly blobs: BlobStore,
  ) {}

  /** One file of a bundle, streamed to the disk. */
  @Route('putBlob')
  async putBlob(@Input() { params }: ApiRequest<'putBlob'>, @Req() request: FastifyRequest) {
    const content = request.body;
    if (!isByteStream(content)) {
      throw new NanofleetError('INPUT_INVALID', 'body: send the bytes as application/octet-stream.');
    }
    return { bytes: await this.blobs.put(params.digest, content) };
  }

  /** A bundle whose files are stored. */
  @Route('addModel')
  add(@Input() { body }: ApiRequest<'addModel'>) {
    return this.models.add(Buffer.from(body.manifest, 'base64'), body.signature);
  }

  /** The registry. */
  @Route('models')
  async list() {
    return { items: await this.models.list() };
  }

  /** One bundle. */
  @Route('model')
  show(@Input() { params }: ApiRequest<'model'>) {
    return this.models.show(params.digest);
  }
}

const isByteStream = (body: unknown): body is AsyncIterable<Uint8Array> =>
  typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
