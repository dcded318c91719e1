/**
 * Blobs for devices: authenticated as the device, by range, only what belongs to a registered bundle. A fleet asks for little else,
 * so these requests go past Nest and Fastify, whose layers cost more than the answer does, and large blobs past Fastify's streams
 * (1.2 against 0.26 CPU seconds per GB).
 */

import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { DEVICE_PATHS, PROBLEM_TYPE, problemOf, SIGNATURE_HEADER } from '@nanofleet/protocol';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { registered } from '../auth/problem.filter.ts';
import { DeviceCallers } from '../devices/device-callers.ts';
import type { Answered } from '../metrics/metrics.service.ts';
import { guardHeaders } from '../pages/site-headers.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { Identity } from '../state/identity.ts';
import { BlobStore } from './blob-store.ts';
import { rangeOf } from './byte-range.ts';
import { type ServedBlob, ServedBlobs } from './served-blobs.ts';

/** Its name among the figures of requests. */
const ROUTE = `${DEVICE_PATHS.blob}:name`;

/** `GET /device/blobs/{name}`; the names are in `DEVICE_PATHS`. */
@Injectable()
export class DeviceBlobsHttp {
  constructor(
    private readonly callers: DeviceCallers,
    private readonly served: ServedBlobs,
    private readonly blobs: BlobStore,
    private readonly identity: Identity,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Answers these requests of a server, and leaves the others to those who listen to it so far. */
  answerOn(server: Server, observe: (answered: Answered) => void): void {
    const others = server.listeners('request') as RequestListener[];
    server.removeAllListeners('request');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const isOurs = request.method === 'GET' && request.url?.startsWith(DEVICE_PATHS.blob) === true;
      if (!isOurs) for (const other of others) other.call(server, request, response);
      else void this.#answerWell(request, response, observe);
    });
  }

  async #answerWell(
    request: IncomingMessage,
    response: ServerResponse,
    observe: (answered: Answered) => void,
  ): Promise<void> {
    const begunAt = this.clock.monotonicMicros();
    response.once('close', () => {
      const elapsedMs = (this.clock.monotonicMicros() - begunAt) / 1_000;
      observe({ method: 'GET', route: ROUTE, status: response.statusCode, elapsedMs });
    });
    await this.#answer(request, response).catch((thrown: unknown) => this.#refuse(response, thrown));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers, socket, url = '' } = request;
    await this.callers.callerOf({ authorization: headers.authorization, stream: socket });
    const [name = ''] = url.slice(DEVICE_PATHS.blob.length).split('?', 1);
    const found = await this.served.find(name);
    const range = startAnswer(request, response, found);
    if (range === null) return;
    if ('bytes' in found) response.end(found.bytes.subarray(range.from, range.to + 1));
    else
      await pipeline(this.blobs.stream(found.digest, range), response).catch((thrown: unknown) =>
        this.log.info('a download ended early', factsOf(thrown)),
      );
  }

  #refuse(response: ServerResponse, thrown: unknown): void {
    const error = registered(thrown);
    if (error.status >= 500) this.log.error('a request failed', factsOf(error));
    if (response.headersSent) return void response.destroy();
    const { isSecure } = this.identity.cookie;
    const headers = { ...guardHeaders({ isPage: false, isSecure }), 'content-type': PROBLEM_TYPE };
    response.writeHead(error.status, headers).end(JSON.stringify(problemOf(error)));
  }
}

/** Writes status and headers; the range to send, or null when the answer is complete. */
const startAnswer = (request: IncomingMessage, response: ServerResponse, found: ServedBlob) => {
  const { size } = found;
  const range = rangeOf(request.headers.range, size);
  if (range === 'unsatisfiable') {
    response.writeHead(416, { 'content-range': `bytes */${size}`, 'content-length': 0 }).end();
    return null;
  }
  const { from, to } = range ?? { from: 0, to: size - 1 };
  response.writeHead(range === null ? 200 : 206, {
    'content-type': 'application/octet-stream',
    'content-length': to - from + 1,
    'accept-ranges': 'bytes',
    ...('signature' in found ? { [SIGNATURE_HEADER]: found.signature.toString('base64') } : {}),
    ...(range === null ? {} : { 'content-range': `bytes ${from}-${to}/${size}` }),
  });
  return { from, to };
};
