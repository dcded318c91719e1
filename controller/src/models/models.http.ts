/** Operator routes of the registry. Rules are in the service. */

import { type ApiRequest, BLOB_PART_BYTES_MAX, NanofleetError } from '@nanofleet/protocol';
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

  /** A part of one file, for a publisher who checks a candidate before signing it. */
  @Route('blobPart')
  async blobPart(@Input() { params, query: { from } }: ApiRequest<'blobPart'>) {
    const whole = await this.blobs.read(params.digest);
    const content = whole.subarray(from, from + BLOB_PART_BYTES_MAX).toString('base64');
    return { bytes: whole.length, from, content };
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
