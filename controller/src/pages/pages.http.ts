/**
 * The dashboard's own files over HTTP: its page at each of its addresses, and the files that the page names. They hold
 * nothing of the fleet, so that anybody may have them. Never answers with data.
 */
import { NanofleetError, PAGES } from '@nanofleet/protocol';
import { Controller, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FILE, FileRoute } from '../auth/api-route.ts';
import { Site, type SiteFile } from './site.ts';
import { cacheControlOf } from './site-headers.ts';

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>nanofleet</title>
<p>The dashboard is not built yet. It is on its way when the fleet was just started; else run: npx -y pnpm@12 build</p></html>`;

/** Files of the dashboard. */
@Controller()
export class PagesHttp {
  constructor(@Inject(FILE) private readonly site: Site) {}

  /** The page, whichever of its addresses was opened. */
  @FileRoute(PAGES)
  async page(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const file = await this.site.page();
    if (file === null) {
      await reply
        .status(503)
        .header('retry-after', '2')
        .header('refresh', '2')
        .type('text/html; charset=utf-8')
        .send(NOT_BUILT);
      return;
    }
    await send(request, reply, { file, kind: 'page' });
  }

  /** The sign in a browser's tab. */
  @FileRoute('/favicon.svg')
  async favicon(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await send(request, reply, { file: await this.site.file('favicon.svg'), kind: 'page' });
  }

  /** A file that the page names. */
  @FileRoute('/assets/:name')
  async asset(
    @Param('name') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await send(request, reply, { file: await this.site.file(`assets/${name}`), kind: 'asset' });
  }
}

const send = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { file, kind }: { file: SiteFile | null; kind: 'page' | 'asset' },
): Promise<void> => {
  if (file === null) throw new NanofleetError('NOT_FOUND', 'There is nothing at this address.');
  reply
    .header('cache-control', cacheControlOf(kind))
    .header('etag', file.etag)
    .header('vary', 'accept-encoding');
  if (request.headers['if-none-match'] === file.etag) {
    await reply.status(304).send();
    return;
  }
  reply.type(file.type);
  const takesBrotli = /\bbr\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (file.brotli === null || !takesBrotli) await reply.send(file.bytes);
  else await reply.header('content-encoding', 'br').send(file.brotli);
};
