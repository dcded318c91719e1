/** Operator routes of rounds, examples and candidates. Rules are in the service. */
import type { ApiRequest } from '@nanofleet/protocol';
import { Controller } from '@nestjs/common';
import { Input, Route } from '../auth/api-route.ts';
import { RoundsService } from './rounds.service.ts';

/** Routes of `rounds`. */
@Controller()
export class RoundsHttp {
  constructor(private readonly rounds: RoundsService) {}

  /** Rounds, newest first. */
  @Route('rounds')
  async list(@Input() { query }: ApiRequest<'rounds'>) {
    return { items: await this.rounds.list(query) };
  }

  /** One round. */
  @Route('round')
  show(@Input() { params }: ApiRequest<'round'>) {
    return this.rounds.show(params.id);
  }

  /** A new round. */
  @Route('startRound')
  start(@Input() { body }: ApiRequest<'startRound'>) {
    return this.rounds.start(body);
  }

  /** The end of a round. */
  @Route('abortRound')
  abort(@Input() { params }: ApiRequest<'abortRound'>) {
    return this.rounds.abort(params.id);
  }

  /** Counts of a line's examples. */
  @Route('examples')
  examples(@Input() { params }: ApiRequest<'examples'>) {
    return this.rounds.examplesOf(params.line);
  }

  /** Other examples for a line. */
  @Route('putExamples')
  putExamples(@Input() { body, params }: ApiRequest<'putExamples'>) {
    return this.rounds.putExamples(params.line, body.examples);
  }

  /** Candidates, newest first. */
  @Route('candidates')
  async candidates(@Input() { query }: ApiRequest<'candidates'>) {
    return { items: await this.rounds.listCandidates(query.limit) };
  }

  /** One candidate. */
  @Route('candidate')
  candidate(@Input() { params }: ApiRequest<'candidate'>) {
    return this.rounds.candidate(params.digest);
  }
}
