/** Operator routes of the agent's releases. Rules are in the service. */
import type { ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Input, Route } from '../auth/api-route.ts';
import { AgentsService } from './agents.service.ts';

/** Routes of `agents`. */
@Controller()
export class AgentsHttp {
  constructor(private readonly agents: AgentsService) {}

  /** A release whose files are stored. */
  @Route('addAgent')
  add(@Input() { body }: ApiRequest<'addAgent'>) {
    return this.agents.add(Buffer.from(body.manifest, 'base64'), body.signature);
  }

  /** All releases. */
  @Route('agents')
  async list() {
    return { items: await this.agents.list() };
  }

  /** A release becomes the desired one. */
  @Route('rollOutAgent')
  rollOut(@Input() { body }: ApiRequest<'rollOutAgent'>) {
    return this.agents.rollOut(body.digest, body.target);
  }

  /** How each device stands. */
  @Route('agentDevices')
  async onDevices() {
    return { items: await this.agents.onDevices() };
  }
}
