/** The document of the operator API. What is in it comes from the table; this only says for which version. */
import { type ApiAnswer, openApiOf } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Route } from '../auth/api-route.ts';
import { Identity } from '../state/identity.ts';

/** Route of the document. */
@Controller()
export class ReferenceHttp {
  #document: ApiAnswer<'openapi'> | null = null;

  constructor(private readonly identity: Identity) {}

  /** Made once: it does not change while the process runs. */
  @Route('openapi')
  openapi(): ApiAnswer<'openapi'> {
    this.#document ??= openApiOf(this.identity.shown().controllerVersion);
    return this.#document;
  }
}
