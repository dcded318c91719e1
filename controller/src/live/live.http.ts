/**
 * The stream of changes over HTTP: access, headers, signs of life. Whether its reader may still read is looked at again
 * with each of them: a session that ended ends its streams. What is written is the feed's.
 */

import type { ServerResponse } from 'node:http';
import { STREAM_HEARTBEAT_MS, STREAMS } from '@nanofleet/protocol';
import type { CancelTimer, Clock } from '@nanofleet/runtime/ports';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StreamRoute } from '../auth/api-route.ts';
import { CallerService } from '../auth/caller.service.ts';
import { CLOCK } from '../ports/clock.ts';
import { LiveFeed } from './live.feed.ts';
import { placeOf } from './live.plan.ts';

/** Browsers wait so long before they come back, milliseconds. */
const RETRY_MS = 2_000;

/** The stream. */
@Controller()
export class LiveHttp {
  constructor(
    private readonly feed: LiveFeed,
    private readonly callers: CallerService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Changes as they happen. */
  @StreamRoute('live')
  live(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.feed.requireRoom();
    reply.hijack();
    const out = reply.raw;
    out.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // nginx would hold events back in its buffer.
      'x-accel-buffering': 'no',
    });
    out.write(`retry: ${RETRY_MS}\n\n`);
    const { 'last-event-id': last } = request.headers;
    this.feed.add(out, placeOf(typeof last === 'string' ? last : undefined));
    this.#keep(out, request);
  }

  #keep(out: ServerResponse, request: FastifyRequest): void {
    let cancel: CancelTimer = () => undefined;
    const beat = (): void => {
      cancel = this.clock.after(STREAM_HEARTBEAT_MS, () => {
        void this.callers.operatorOf(request, STREAMS.live.role).then(
          () => {
            if (out.destroyed) return;
            out.write(': still here\n\n');
            beat();
          },
          () => out.destroy(),
        );
      });
    };
    beat();
    out.once('close', () => cancel());
  }
}
