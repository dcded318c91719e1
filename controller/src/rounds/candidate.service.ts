/**
 * Makes the candidate of a round out of its head and the operator's examples, and stores it: files as blobs, the row with
 * the accuracy before and after. Never signs, never registers: a candidate runs nowhere before a publisher signed it.
 */
import { type FileRole, NanofleetError } from '@nanofleet/protocol';
import { decodeHead } from '@nanofleet/runtime';
import type { Candidate, CheckedBundle } from '@nanofleet/runtime/node';
import { type Clock, type Log, pause } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { BlobStore } from '../models/blob-store.ts';
import { ModelsRepository } from '../models/models.repository.ts';
import { ModelsService } from '../models/models.service.ts';
import { CLOCK } from '../ports/clock.ts';
import { LOG } from '../ports/log.ts';
import { CandidatesRepository } from './candidates.repository.ts';
import { ExamplesRepository } from './examples.repository.ts';
import { evaluated } from './rounds.machine.ts';
import { candidateVersion } from './rounds.plan.ts';
import { type RoundRow, RoundsRepository } from './rounds.repository.ts';

/** Candidates. */
@Injectable()
export class CandidateService {
  constructor(
    private readonly repository: RoundsRepository,
    private readonly candidates: CandidatesRepository,
    private readonly examples: ExamplesRepository,
    private readonly models: ModelsService,
    private readonly registry: ModelsRepository,
    private readonly blobs: BlobStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Makes the candidate of a round in `evaluating` and moves it on. */
  async make(row: RoundRow): Promise<void> {
    const made = await this.#candidateOf(row);
    const { accuracy, digest, manifest, shortfall, wire } = made;
    const contents = [...made.files.values(), ...(wire === null ? [] : [wire]), made.manifestBytes];
    for (const bytes of contents) await this.blobs.keep(bytes);
    const { files, line, releaseCounter, version } = manifest;
    const finishedAt = this.clock.unixMs();
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    await this.repository.change({ round: row.id }, async (current, _, queries) => {
      const next = evaluated(current);
      if (next === current) return;
      await this.candidates.add(queries, {
        ...{ digest, line, version, releaseCounter, files, bytes, accuracy },
        ...{ parent: row.base, round: row.id, createdAt: finishedAt },
        ...{ labelsVersion: row.labels.version, added: row.labels.added },
      });
      const ended = { status: next.status, candidate: digest, accuracy, finishedAt };
      await this.repository.setRound(queries, row.id, ended);
    });
    const promised = shortfall === null ? {} : { withoutBound: shortfall };
    this.log.info('a round has its candidate', { round: row.id, digest, version, ...promised });
  }

  async #candidateOf(row: RoundRow): Promise<Candidate> {
    const { makeCandidate } = await import('@nanofleet/runtime/node');
    const [parent, registered, examples] = await Promise.all([
      this.#parent(row),
      this.registry.all(),
      this.examples.of(row.line),
    ]);
    const counters = registered.flatMap(({ line, releaseCounter }) =>
      line === row.line ? [releaseCounter] : [],
    );
    return makeCandidate({
      parent,
      head: decodeHead(await this.blobs.read(endOf(row))),
      labels: row.labels,
      examples,
      release: { version: candidateVersion(row.baseVersion, row.turn), counter: 1 + Math.max(...counters) },
      breathe: () => pause(this.clock, 0),
    });
  }

  async #parent({ base }: RoundRow): Promise<CheckedBundle> {
    const manifest = await this.models.manifestOf(base);
    const files = new Map<FileRole, Uint8Array>();
    for (const { role, sha256 } of manifest.files) files.set(role, await this.blobs.read(sha256));
    return { digest: base, manifest, files, signedBy: null };
  }
}

const endOf = ({ endHead, id }: RoundRow) => {
  if (endHead !== null) return endHead;
  throw new NanofleetError('INTERNAL', `The round ${id} is evaluated without a head.`);
};
