/**
 * Sends jobs: what was made, what was not answered, and all that is open to a device that comes. Looks at deadlines. A
 * controller that dies between a commit and a send is followed by a look that sends. Never decides how a job ends.
 */
import { type DeviceId, JOB_RESEND_MS } from '@nanofleet/protocol';
import type { CancelTimer, Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Link } from '../link/link.ts';
import { Series } from '../link/series.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { ShardsService } from '../shards/shards.service.ts';
import { type DueExecution, JobsRepository } from './jobs.repository.ts';
import { JobsService } from './jobs.service.ts';

/** How often jobs are looked at without being told: deadlines, and jobs made or devices met by other controllers. */
const LOOK_EVERY_MS = 2_000;

/** Drives jobs. */
@Injectable()
export class JobsDriver implements OnModuleInit, OnModuleDestroy {
  /** What a device says of its jobs counts in the order in which it says it. */
  readonly #said = new Series<DeviceId>();
  /** Devices that have come since the last look. */
  #come = new Set<DeviceId>();
  #cancel: CancelTimer = () => undefined;
  #looking: Promise<void> | null = null;
  #isAskedAgain = false;
  #isClosed = false;

  constructor(
    private readonly service: JobsService,
    private readonly repository: JobsRepository,
    private readonly link: Link,
    private readonly shards: ShardsService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Hears of jobs, and begins to look. */
  onModuleInit(): void {
    this.link.on('job/state', ({ body, device }, channel) =>
      channel.kind === 'job/state'
        ? this.#said.run(device, () => this.service.hear(device, channel.job, body))
        : undefined,
    );
    this.service.changed = () => this.look();
    this.#lookLater();
  }

  /** Looks no more. */
  async onModuleDestroy(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#looking;
  }

  /** A device has a new session: it may have missed everything that is open. */
  born(device: DeviceId): void {
    this.#come.add(device);
  }

  /** Looks soon. */
  look(): void {
    if (this.#isClosed) return;
    if (this.#looking !== null) {
      this.#isAskedAgain = true;
      return;
    }
    this.#cancel();
    this.#looking = this.#lookOnce().finally(() => {
      this.#looking = null;
      if (this.#isClosed) return;
      if (this.#isAskedAgain) {
        this.#isAskedAgain = false;
        this.look();
      } else this.#lookLater();
    });
  }

  #lookLater(): void {
    this.#cancel = this.clock.after(LOOK_EVERY_MS, () => this.look());
  }

  async #lookOnce(): Promise<void> {
    const come = [...this.#come];
    this.#come.clear();
    try {
      await this.service.expire();
      await this.#sendDue(come);
    } catch (thrown) {
      for (const device of come) this.#come.add(device);
      if (!this.#isClosed) this.log.warn('jobs could not be looked at', factsOf(thrown));
    }
  }

  async #sendDue(come: readonly DeviceId[]): Promise<void> {
    const nowMs = this.clock.unixMs();
    const due = await this.repository.due(nowMs - JOB_RESEND_MS, come);
    const own = due.filter(({ device }) => this.shards.leaseOf(device) !== null);
    for (const execution of own) {
      if (this.#isClosed) return;
      await this.#send(execution);
    }
    await this.repository.sent(own, nowMs);
  }

  #send({
    closedBelow,
    desiredVersion,
    device,
    execution,
    job,
    sequence,
    task,
  }: DueExecution): Promise<void> {
    return this.link.sendJob(device, job, { execution, task, sequence, closedBelow, desiredVersion });
  }
}
