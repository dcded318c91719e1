/**
 * Hands the agent to devices that have none: the script and packages to everybody, for neither holds a secret, and to
 * operators what a line for it needs. Never takes anything from a device.
 */
import { type ApiAnswer, INSTALL_PATHS } from '@nanofleet/protocol';
import { Controller, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { FileRoute, Route } from '../auth/api-route.ts';
import { Identity } from '../state/identity.ts';
import { Installer } from './installer.ts';
import { cacheControlOf } from './site-headers.ts';

/** The routes. */
@Controller()
export class InstallerHttp {
  constructor(
    private readonly installer: Installer,
    private readonly identity: Identity,
  ) {}

  /** Where the script is, and its hash. */
  @Route('installer')
  shown(): Promise<ApiAnswer<'installer'>> {
    return this.installer.shown(this.identity.deviceUrl);
  }

  /** The script. */
  @FileRoute(INSTALL_PATHS.script)
  async script(@Res() reply: FastifyReply): Promise<void> {
    const script = await this.installer.script(this.identity.deviceUrl);
    await reply.header('cache-control', cacheControlOf('page')).type('text/x-shellscript').send(script);
  }

  /** A package. */
  @FileRoute(`${INSTALL_PATHS.package}:name`)
  async package(@Param('name') name: string, @Res() reply: FastifyReply): Promise<void> {
    const { form, bytes, stream } = await this.installer.open(name);
    await reply
      .header('cache-control', cacheControlOf('asset'))
      .header('content-length', bytes)
      .type(form === 'xz' ? 'application/x-xz' : 'application/gzip')
      .send(stream);
  }
}
