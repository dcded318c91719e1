/**
 * Rules of label lists: allocating a label for a line and taking it back as long as no bundle has it. Never changes a
 * bundle: its own names stay as its publisher signed them.
 */
import { type Digest, type LabelList, type LineId, NanofleetError } from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { isDuplicate } from '../db/database.ts';
import { CLOCK } from '../ports/clock.ts';
import { RolloutsRepository } from '../rollouts/rollouts.repository.ts';
import { type AllocatedLabel, type BundleLabels, labelListOf, versionWith } from './labels.plan.ts';
import { LabelsRepository } from './labels.repository.ts';
import { ModelsRepository } from './models.repository.ts';
import { ModelsService } from './models.service.ts';

/** Two operators at once are the worst case; more tries would hide a fault. */
const TRIES_MAX = 5;

/** Label lists. */
@Injectable()
export class LabelsService {
  constructor(
    private readonly repository: LabelsRepository,
    private readonly models: ModelsService,
    private readonly registry: ModelsRepository,
    private readonly rollouts: RolloutsRepository,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The list of a line by its newest release; @throws NanofleetError LINE_UNKNOWN */
  async list(line: LineId): Promise<LabelList> {
    const [bundle, allocated] = await Promise.all([this.#newestOf(line), this.repository.of(line)]);
    const { version, added } = labelListOf(bundle, allocated);
    const own = bundle.names.map((name) => ({ name, addedAt: null, addedBy: null }));
    const since = added.flatMap((name) => {
      const row = allocated.find((one) => one.name === name && one.removedVersion === null);
      return row === undefined ? [] : [{ name, addedAt: row.addedAt, addedBy: row.addedBy }];
    });
    return { line, version, labels: [...own, ...since] };
  }

  /** What a line's list has beyond a bundle. */
  async beyond(line: LineId, digest: Digest): Promise<{ version: number; added: string[] }> {
    const [bundle, allocated] = await Promise.all([this.models.labelsOf(digest), this.repository.of(line)]);
    return labelListOf(bundle, allocated);
  }

  /** Gives a line a new label; @throws NanofleetError LINE_UNKNOWN, LABEL_TAKEN, LABELS_TOO_MANY */
  async add(line: LineId, name: string, addedBy: string): Promise<void> {
    for (let left = TRIES_MAX; left > 0; left -= 1) {
      const [bundles, allocated] = await Promise.all([this.#shippedOf(line), this.repository.of(line)]);
      const version = versionWith(name, { line, bundles, allocated });
      const row = { line, name, version, addedAt: this.clock.unixMs(), addedBy, removedVersion: null };
      try {
        return await this.repository.add(row);
      } catch (thrown) {
        // Another operator's label got this version.
        if (!isDuplicate(thrown) || left === 1) throw thrown;
      }
    }
  }

  /** Takes a label back; @throws NanofleetError LABEL_UNKNOWN, LABEL_TAKEN when a bundle has it */
  async drop(line: LineId, name: string): Promise<void> {
    const [all, allocated] = await Promise.all([this.#registeredOf(line), this.repository.of(line)]);
    if (all.some(({ names }) => names.includes(name))) throw inBundle(line, name);
    if (!isAllocated(allocated, name)) throw unknownLabel(line, name);
    const newest = allocated.flatMap(({ version, removedVersion }) => [version, removedVersion ?? 0]);
    await this.repository.remove(line, name, 1 + Math.max(...all.map(({ version }) => version), ...newest));
  }

  async #newestOf(line: LineId): Promise<BundleLabels> {
    const bundles = await this.#shippedOf(line);
    return bundles.reduce((newest, next) => (next.names.length > newest.names.length ? next : newest));
  }

  /** Labels of the bundles that rollouts give to devices; at least one. */
  async #shippedOf(line: LineId): Promise<BundleLabels[]> {
    const latest = await this.rollouts.latest();
    const digests = latest.flatMap((rollout) =>
      rollout.line === line && rollout.targetKind !== 'controller' ? [rollout.digest] : [],
    );
    if (digests.length > 0) return Promise.all(digests.map((digest) => this.models.labelsOf(digest)));
    throw new NanofleetError(
      'LINE_UNKNOWN',
      `No bundle of the line ${line} was rolled out; push one: nanofleet models push DIR --all.`,
      { facts: { line } },
    );
  }

  async #registeredOf(line: LineId): Promise<BundleLabels[]> {
    const rows = (await this.registry.all()).filter((row) => row.line === line);
    return Promise.all(rows.map(({ digest }) => this.models.labelsOf(digest)));
  }
}

const isAllocated = (allocated: readonly AllocatedLabel[], name: string): boolean =>
  allocated.some((label) => label.name === name && label.removedVersion === null);

const inBundle = (line: LineId, name: string) =>
  new NanofleetError('LABEL_TAKEN', `A bundle of the line ${line} has the label ${name}: it stays.`, {
    facts: { name },
  });

const unknownLabel = (line: LineId, name: string) =>
  new NanofleetError(
    'LABEL_UNKNOWN',
    `The line ${line} was given no label ${name}; see: nanofleet intents ls.`,
    {
      facts: { name },
    },
  );
