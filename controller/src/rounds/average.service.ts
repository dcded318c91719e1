/**
 * Makes the average of a round's updates and the head that follows from it: updates are read a page at a time in a fixed
 * order, so that a controller that died in between gives the same bytes, and leave the database in the transaction that
 * stores the result. The head stays float32 along a series of rounds on one base. Never judges it.
 */
import { type Digest, readUpdate } from '@nanofleet/protocol';
import {
  Aggregator,
  decodeHead,
  encodeHead,
  grownHead,
  type Head,
  headOf,
  headPlus,
} from '@nanofleet/runtime';
import type { Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { BlobStore } from '../models/blob-store.ts';
import { ModelsService } from '../models/models.service.ts';
import { LOG } from '../ports/log.ts';
import { aggregated } from './rounds.machine.ts';
import { elementsOf } from './rounds.plan.ts';
import { type RoundRow, RoundsRepository } from './rounds.repository.ts';

/** Updates in memory at once. */
const PAGE_UPDATES = 16;

/** Averages. */
@Injectable()
export class AverageService {
  constructor(
    private readonly repository: RoundsRepository,
    private readonly models: ModelsService,
    private readonly blobs: BlobStore,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Averages the updates of a round in `aggregating` and moves it on. */
  async make(row: RoundRow): Promise<void> {
    const start = await this.startOf(row);
    const { norm, tensors, updates } = await this.#sum(row);
    const by = row.settings.serverLearningRate;
    const head = headPlus(
      start,
      tensors.map((mean) => mean.map((value) => by * value)),
    );
    const bytes = encodeHead(head);
    const endHead = await this.blobs.keep(bytes);
    await this.repository.change({ round: row.id }, async (current, _, queries) => {
      const next = aggregated(current);
      if (next === current) return;
      const averaged = { endHead, endBytes: bytes.length, averageNorm: norm };
      await this.repository.setRound(queries, row.id, { status: next.status, ...averaged });
      await this.repository.dropUpdates(queries, row.id);
    });
    this.log.info('a round has its average', { round: row.id, updates, norm });
  }

  /** The head that a round begins with, with a column for each label of its list. */
  async startOf({ base, labels, startHead }: Pick<RoundRow, 'base' | 'labels' | 'startHead'>): Promise<Head> {
    const manifest = await this.models.manifestOf(base);
    const classes = manifest.labels.names.length + labels.added.length;
    const head =
      startHead === null ? await this.#headOfBase(base) : decodeHead(await this.blobs.read(startHead));
    return grownHead(head, classes);
  }

  async #headOfBase(base: Digest): Promise<Head> {
    const { files } = await this.models.manifestOf(base);
    const graph = files.find(({ role }) => role === 'infer.int8');
    return headOf(await this.blobs.read(graph?.sha256 ?? base));
  }

  async #sum(row: RoundRow) {
    const elements = elementsOf(await this.models.manifestOf(row.base), row.labels);
    const aggregator = new Aggregator({ elements, clipNorm: row.settings.clipNorm });
    let after = '';
    for (;;) {
      const page = await this.repository.updatesAfter(row.id, { after, limit: PAGE_UPDATES });
      for (const { bytes, weight } of page) aggregator.add(readUpdate(bytes).tensors, weight);
      const last = page.at(-1);
      if (last === undefined) return aggregator.average();
      after = last.device;
    }
  }
}
