/**
 * Probes, open to everybody, and `/metrics` for whoever has the token for it or an operator's. Checks the caller of
 * `/metrics` itself: its token opens nothing else. Never computes a figure.
 */
import type { ApiAnswer } from '@nanofleet/protocol';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Route, ScrapeRoute } from '../auth/api-route.ts';
import { bearerOf, fitsSecret } from '../auth/bearer.ts';
import { CallerService } from '../auth/caller.service.ts';
import { MetricsService } from './metrics.service.ts';
import { ReadinessService } from './readiness.service.ts';

/** Injection token of the token that opens `/metrics` and nothing else; null for none. */
export const SCRAPE_TOKEN = Symbol('ScrapeToken');

const NOT_READY = 503;

/** The routes. */
@Controller()
export class MetricsHttp {
  constructor(
    private readonly readiness: ReadinessService,
    private readonly metrics: MetricsService,
    private readonly callers: CallerService,
    @Inject(SCRAPE_TOKEN) private readonly scrapeToken: string | null,
  ) {}

  /** The process answers. */
  @Route('health')
  health(): ApiAnswer<'health'> {
    return { ok: true };
  }

  /** The same, under the name that probes of Kubernetes have. */
  @Route('alive')
  alive(): ApiAnswer<'alive'> {
    return { ok: true };
  }

  /** Whether the parts work now; the status says it to probes that read no body. */
  @Route('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<ApiAnswer<'ready'>> {
    const readiness = await this.readiness.look();
    if (!readiness.ready) reply.status(NOT_READY);
    return readiness;
  }

  /** Everything measured, as Prometheus reads it. */
  @ScrapeRoute('/metrics')
  async scrape(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#requireReader(request);
    const text = await this.metrics.text(await this.readiness.look());
    await reply
      .header('content-type', this.metrics.contentType)
      .header('cache-control', 'no-store')
      .send(text);
  }

  /** @throws NanofleetError TOKEN_MISSING, TOKEN_INVALID, ROLE_INSUFFICIENT */
  async #requireReader(request: FastifyRequest): Promise<void> {
    const { authorization } = request.headers;
    const isScraper =
      this.scrapeToken !== null &&
      authorization !== undefined &&
      fitsSecret(bearerOf(authorization), this.scrapeToken);
    if (!isScraper) await this.callers.operatorOf(request, 'viewer');
  }
}
