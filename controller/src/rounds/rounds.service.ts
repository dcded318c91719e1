/**
 * Rules of rounds as operators meet them: starting one, ending one, what is shown, the examples that judge. What happens
 * in between is the driver's; what devices send is taken in `contributions.service.ts`.
 */
import {
  type ApiAnswer,
  type ApiRequest,
  type Digest,
  type Example,
  type Examples,
  type LineId,
  NanofleetError,
  type Round,
  type RoundDetail,
  type Uuid,
} from '@nanofleet/protocol';
import { type Clock, newId, type Random } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { isDuplicate, storable } from '../db/database.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { LabelsService } from '../models/labels.service.ts';
import { ModelsService } from '../models/models.service.ts';
import { CLOCK } from '../ports/clock.ts';
import { RANDOM } from '../ports/random.ts';
import { RolloutsRepository } from '../rollouts/rollouts.repository.ts';
import { CandidatesRepository } from './candidates.repository.ts';
import { ExamplesRepository } from './examples.repository.ts';
import { RoundsDriver } from './rounds.driver.ts';
import { aborted, isEnded } from './rounds.machine.ts';
import { type RoundRow, RoundsRepository } from './rounds.repository.ts';
import { candidateDetail, candidateView, examplesView, roundDetail, roundView } from './rounds.view.ts';

/** Seeds are small enough for every language's integers. */
const SEED_BYTES = 4;

/** Rounds, for operators. */
@Injectable()
export class RoundsService {
  constructor(
    private readonly repository: RoundsRepository,
    private readonly candidates: CandidatesRepository,
    private readonly examples: ExamplesRepository,
    private readonly models: ModelsService,
    private readonly labels: LabelsService,
    private readonly rollouts: RolloutsRepository,
    private readonly driver: RoundsDriver,
    private readonly timeline: TimelineService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Plans a round and lets it be driven.
   * @throws NanofleetError LINE_UNKNOWN, MODEL_UNKNOWN, LINE_TASK_WRONG, LINE_NOT_TRAINABLE, EXAMPLES_TOO_FEW, ROUND_RUNNING
   */
  async start({ base, line, settings }: ApiRequest<'startRound'>['body']): Promise<Round> {
    const model = await this.models.known(base ?? (await this.#rolledOut(line, settings.group)));
    if (model.line !== line || model.task !== 'text-intent') throw wrongLine(line, model);
    if ((await this.models.manifestOf(model.digest)).trainable.length === 0) throw notTrainable(line);
    if ((await this.examples.of(line)).length === 0) throw noExamples(line);
    const [labels, before] = await Promise.all([
      this.labels.beyond(line, model.digest),
      this.repository.lastOf(model.digest),
    ]);
    const row = {
      id: newId(this.clock, this.random),
      line,
      status: 'planned' as const,
      base: model.digest,
      baseVersion: model.version,
      turn: (before?.turn ?? 0) + 1,
      labels,
      settings,
      seed: Buffer.from(this.random.bytes(SEED_BYTES)).readUInt32LE(),
      createdAt: this.clock.unixMs(),
      startHead: before?.endHead ?? null,
      startBytes: before?.endBytes ?? null,
    };
    await this.repository.add(row).catch((thrown: unknown) => {
      throw isDuplicate(thrown) ? alreadyRunning(line) : thrown;
    });
    this.timeline.note({ kind: 'round-started', key: row.id, subject: row.id, line });
    this.driver.look();
    return roundView(await this.#known(row.id));
  }

  /** Ends a round; one that has ended stays as it is. @throws NanofleetError ROUND_UNKNOWN */
  async abort(id: Uuid): Promise<Round> {
    const finishedAt = this.clock.unixMs();
    await this.repository.change({ round: id }, async (row, _, queries) => {
      if (isEnded(row)) return;
      await this.repository.setRound(queries, id, { status: aborted(row).status, finishedAt });
      await this.repository.silence(queries, id);
      await this.repository.dropUpdates(queries, id);
    });
    this.driver.look();
    return roundView(await this.#known(id));
  }

  /** The newest rounds. */
  async list(query: ApiRequest<'rounds'>['query']): Promise<Round[]> {
    return (await this.repository.newest(query)).map(roundView);
  }

  /** One round; @throws NanofleetError ROUND_UNKNOWN */
  async show(id: Uuid): Promise<RoundDetail> {
    return roundDetail(await this.#known(id), await this.repository.members(id));
  }

  /** Replaces the examples of a line. */
  async putExamples(line: LineId, given: readonly Example[]): Promise<Examples> {
    const rows = given.map(({ intent, text }) => ({ text: storable(text), intent: storable(intent) }));
    await this.examples.put(line, rows, this.clock.unixMs());
    return this.examplesOf(line);
  }

  /** How many examples a line has. */
  async examplesOf(line: LineId): Promise<Examples> {
    return examplesView(line, await this.examples.of(line));
  }

  /** The newest candidates. */
  async listCandidates(limit: number): Promise<ApiAnswer<'candidates'>['items']> {
    return (await this.candidates.newest(limit)).map(candidateView);
  }

  /** One candidate; @throws NanofleetError CANDIDATE_UNKNOWN */
  async candidate(digest: Digest): Promise<ApiAnswer<'candidate'>> {
    const row = await this.candidates.one(digest);
    if (row !== undefined) return candidateDetail(row);
    throw new NanofleetError('CANDIDATE_UNKNOWN', `No round made a candidate ${digest.slice(0, 12)}….`, {
      facts: { digest },
    });
  }

  async #known(id: Uuid): Promise<RoundRow> {
    const row = await this.repository.one(id);
    if (row !== undefined) return row;
    throw new NanofleetError('ROUND_UNKNOWN', `No round has the id ${id}; see: nanofleet rounds ls.`);
  }

  /** The bundle of the newest rollout of a line to the devices that a round is for. */
  async #rolledOut(line: LineId, group: string | null): Promise<Digest> {
    const fitting = (await this.rollouts.whole())
      .filter((rollout) => rollout.line === line && rollout.targetKind !== 'controller')
      .filter(
        ({ targetGroup, targetKind }) => group === null || targetKind === 'all' || targetGroup === group,
      )
      .sort((left, right) => right.position - left.position);
    const [newest] = fitting;
    if (newest !== undefined) return newest.digest;
    throw new NanofleetError(
      'LINE_UNKNOWN',
      `No bundle of the line ${line} was rolled out to these devices; push one: nanofleet models push DIR --all.`,
      { facts: { line } },
    );
  }
}

const wrongLine = (line: LineId, model: { line: string; task: string; version: string }) =>
  new NanofleetError(
    'LINE_TASK_WRONG',
    `The bundle ${model.version} is of the line ${model.line} with the task ${model.task}; a round of ${line} needs a text-intent bundle of it.`,
    { facts: { line: model.line, task: model.task } },
  );

const notTrainable = (line: LineId) =>
  new NanofleetError(
    'LINE_NOT_TRAINABLE',
    `The model of the line ${line} was imported and does not learn; train it elsewhere and import it again.`,
    { facts: { line } },
  );

const noExamples = (line: LineId) =>
  new NanofleetError(
    'EXAMPLES_TOO_FEW',
    `The line ${line} has no examples to judge a candidate with; give some: nanofleet rounds examples put FILE --line ${line}.`,
    { facts: { line } },
  );

const alreadyRunning = (line: LineId) =>
  new NanofleetError(
    'ROUND_RUNNING',
    `A round of the line ${line} is running; see: nanofleet rounds ls. End it with: nanofleet rounds abort.`,
    { facts: { line } },
  );
