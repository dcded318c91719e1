/** Operator routes of devices and groups. Rules are in the service. */

import type { ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Input, Route } from '../auth/api-route.ts';
import { DevicesService } from './devices.service.ts';
import { ReplacementService } from './replacement.service.ts';

/** Routes of `devices`. */
@Controller()
export class DevicesHttp {
  constructor(
    private readonly devices: DevicesService,
    private readonly replacements: ReplacementService,
  ) {}

  /** All devices. */
  @Route('devices')
  async list() {
    return { items: await this.devices.list() };
  }

  /** One device. */
  @Route('device')
  show(@Input() { params }: ApiRequest<'device'>) {
    return this.devices.show(params.device);
  }

  /** A device loses all rights. */
  @Route('revokeDevice')
  revoke(@Input() { params }: ApiRequest<'revokeDevice'>) {
    return this.devices.revoke(params.device);
  }

  /** Other hardware may take over its name. */
  @Route('replaceDevice')
  replace(@Input() { params, body }: ApiRequest<'replaceDevice'>) {
    return this.replacements.offer(params.device, body.validForS);
  }

  /** A device changes its group. */
  @Route('moveDevice')
  move(@Input() { params, body }: ApiRequest<'moveDevice'>) {
    return this.devices.move(params.device, body.group);
  }

  /** A device gets tags. */
  @Route('tagDevice')
  tag(@Input() { params, body }: ApiRequest<'tagDevice'>) {
    return this.devices.tag(params.device, body.tags);
  }

  /** All groups. */
  @Route('groups')
  async groups() {
    return { items: await this.devices.groups() };
  }

  /** How far texts of a group may travel. */
  @Route('setPolicy')
  setPolicy(@Input() { params, body }: ApiRequest<'setPolicy'>) {
    return this.devices.setPolicy(params.group, body.offload);
  }

  /** Whether programs on devices of a group may be told which words decided. */
  @Route('setExplanations')
  setExplanations(@Input() { params, body }: ApiRequest<'setExplanations'>) {
    return this.devices.setExplanations(params.group, body.explanations);
  }

  /** When and how fast devices of a group fetch. */
  @Route('setTransfer')
  setTransfer(@Input() { params, body }: ApiRequest<'setTransfer'>) {
    return this.devices.setTransfer(params.group, body.transfer);
  }
}
