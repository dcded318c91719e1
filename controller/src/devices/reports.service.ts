/**
 * Takes what devices report of their lines. Reports that come together are judged and stored together; a message is done
 * once its report is stored. Believes what the device's own key stands for, and nobody else's.
 */
import { type LineId, type Message, toNanofleetError } from '@nanofleet/protocol';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { reportedHappenings } from '../history/reported.plan.ts';
import { TimelineService } from '../history/timeline.service.ts';
import type { Installed } from '../history/transfers.repository.ts';
import { RecordBatches } from '../link/record-batches.ts';
import { CLOCK } from '../ports/clock.ts';
import { LOG } from '../ports/log.ts';
import type { HeldLease } from '../shards/shards.repository.ts';
import { ShardsService } from '../shards/shards.service.ts';
import { Identity } from '../state/identity.ts';
import { attestedLines } from './attestation.plan.ts';
import { type DeviceRow, DevicesRepository } from './devices.repository.ts';
import { KnownSignatures } from './known-signatures.ts';
import { type ReportChange, type ReportingDevice, ReportsRepository } from './reports.repository.ts';

/** Wait for company: nobody looks at a fleet more often than once a second. */
const GATHER_MS = 500;

type Report = Message<'reported'>;
type Lines = Report['body']['lines'];

interface Heard {
  readonly report: Report;
  readonly row: ReportingDevice;
  readonly lease: HeldLease;
}

/** Reports of devices. */
@Injectable()
export class ReportsService implements OnModuleDestroy {
  readonly #batches: RecordBatches<Report>;
  readonly #signatures = new KnownSignatures();
  #follow: (changes: readonly ReportChange[]) => void = () => undefined;

  constructor(
    private readonly repository: ReportsRepository,
    private readonly devices: DevicesRepository,
    private readonly timeline: TimelineService,
    private readonly shards: ShardsService,
    private readonly identity: Identity,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.#batches = new RecordBatches({
      clock,
      log,
      delayMs: GATHER_MS,
      commit: (reports) => this.#take(reports),
      settled: () => undefined,
      refused: ({ device }) => log.warn('a report was refused by the database', { device }),
    });
  }

  /** Takes a report after the earlier ones of its device; resolves once it is stored. Null when there is no room. */
  take(report: Report): Promise<void> | null {
    return this.#batches.add(report);
  }

  /** Has one told, from now on, what is stored of reports. */
  follow(follow: (changes: readonly ReportChange[]) => void): void {
    this.#follow = follow;
  }

  /** Ends the queue. */
  async onModuleDestroy(): Promise<void> {
    await this.#batches.close();
  }

  async #take(reports: readonly Report[]): Promise<void> {
    const known = await this.repository.known(reports.map(({ device }) => device));
    const changes: ReportChange[] = [];
    for (const report of reports) {
      const row = known.get(report.device);
      const lease = this.shards.leaseOf(report.device);
      if (row === undefined || row.revokedAt !== null || lease === null) continue;
      const change = await this.#changeOf({ report, row, lease });
      if (change !== null) changes.push(change);
    }
    await this.repository.note(changes, this.clock.unixMs());
    this.#follow(changes);
    const taken = new Set(changes.map(({ device }) => device));
    for (const { device, body } of reports) {
      const row = known.get(device);
      if (row === undefined || !taken.has(device)) continue;
      for (const happening of reportedHappenings(row, body)) this.timeline.note(happening);
    }
  }

  async #changeOf({ lease, report, row }: Heard): Promise<ReportChange | null> {
    const { body, device } = report;
    const isConflict = body.problems.some(({ code }) => code === 'IDENTITY_IN_USE');
    if (isConflict) await this.devices.change(device, { conflictAt: this.clock.unixMs() }, lease);
    // The other one of two processes with one identity: only its complaint counts.
    if (row.instance !== null && row.instance !== body.instance) return null;
    const lines = await this.#believed({ report, row, lease });
    if (lines === null) return null;
    const { agent = null, desiredVersion: reportedVersion, metadata, problems } = body;
    const said = { agent, followedRoot: metadata?.root ?? null, lines, problems, reportedVersion };
    return { ...lease, device, said, installed: newlyInstalled(row.lines, lines) };
  }

  /** The lines of a report with whether they are attested; null, and a problem of the device, when they are a lie. */
  async #believed({ lease, report: { body, device }, row }: Heard): Promise<Lines | null> {
    try {
      const { publicKey } = row;
      const owner = { device, fleet: this.identity.fleet, publicKey };
      return attestedLines(body, owner, this.#signatures.of(device));
    } catch (thrown) {
      const { code, message } = toNanofleetError(thrown);
      this.log.warn('a report was not believed', { device, code, why: message });
      const problems = [...body.problems, { code, message }];
      await this.devices.change(device, { lastSeenAt: this.clock.unixMs(), problems }, lease);
      return null;
    }
  }
}

/** What lines have installed since they were last heard of. */
const newlyInstalled = (before: DeviceRow['lines'], now: Lines): [LineId, Installed][] =>
  Object.entries(now).flatMap(([line, { installed }]) =>
    installed === undefined || before[line]?.installed?.digest === installed.digest
      ? []
      : [[line as LineId, installed]],
  );
