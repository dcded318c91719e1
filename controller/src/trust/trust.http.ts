/** Operator routes of the release metadata. Rules are in the service. */
import { type ApiRequest, NanofleetError } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Input, Route } from '../auth/api-route.ts';
import { DesiredService } from '../devices/desired.service.ts';
import { TrustService } from './trust.service.ts';

/** Routes of `trust`. */
@Controller()
export class TrustHttp {
  constructor(
    private readonly trust: TrustService,
    private readonly desired: DesiredService,
  ) {}

  /** How it stands. */
  @Route('trust')
  show() {
    return this.trust.show();
  }

  /** One document. */
  @Route('metadata')
  async document(@Input() { params: { name } }: ApiRequest<'metadata'>) {
    const found = await this.trust.find(name);
    if (found !== null) return { document: found.toString('utf8') };
    throw new NanofleetError('NOT_FOUND', `The fleet has no release metadata of the name ${name}.`);
  }

  /** Newer documents; devices are told of another root at once. */
  @Route('putMetadata')
  async put(@Input() { body }: ApiRequest<'putMetadata'>) {
    if (await this.trust.put(body)) await this.desired.refresh(null);
    return this.trust.show();
  }
}
