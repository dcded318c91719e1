/** Operator routes of the rotation of keys. Rules are in the service. */
import type { ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Input, Route } from '../auth/api-route.ts';
import { RotationService } from './rotation.service.ts';

/** Routes of the rotation. */
@Controller()
export class RotationHttp {
  constructor(private readonly rotations: RotationService) {}

  /** How it stands. */
  @Route('rotation')
  show() {
    return this.rotations.show();
  }

  /** The next key is made and announced. */
  @Route('rotate')
  rotate(@Input() { body }: ApiRequest<'rotate'>) {
    return this.rotations.announce(body.part, body.overlapS);
  }

  /** The next key takes over. */
  @Route('finishRotation')
  finish(@Input() { body }: ApiRequest<'finishRotation'>) {
    return this.rotations.finish(body);
  }
}
