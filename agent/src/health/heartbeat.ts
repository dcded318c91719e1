/** What an agent does again and again: beats, and what is due from time to time goes with them. Owns the interval. */
import { type Beat, type DeviceEvent, NanofleetError } from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import type { CertificateKeeper } from '../link/certificate-keeper.ts';
import type { Jobs } from '../link/jobs.ts';
import type { Link } from '../link/link.ts';
import type { OutboxPump } from '../link/outbox-pump.ts';
import type { Outbox } from '../store/outbox.ts';
import type { SteadyTime } from '../store/steady-time.ts';
import type { Upgrade } from '../upgrade/upgrade.ts';
import type { Problems } from './problems.ts';

/** What beats, and what goes with it. */
export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly everyMs: number;
  /** What each beat says. */
  readonly beat: () => Beat;
  /** State directory, for whoever reads that it is full. */
  readonly directory: string;
  readonly certificate: CertificateKeeper | undefined;
  readonly jobs: Jobs;
  readonly link: Link;
  readonly outbox: Outbox;
  readonly problems: Problems;
  readonly pump: OutboxPump;
  readonly time: SteadyTime;
  readonly upgrade: Upgrade;
}

/** The beats of an agent. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #isClosed = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Beats after each interval from now on. */
  start(): void {
    this.#options.clock.after(this.#options.everyMs, () => {
      if (this.#isClosed) return;
      this.#beat();
      this.start();
    });
  }

  /** No beat comes any more. */
  close(): void {
    this.#isClosed = true;
  }

  #beat(): void {
    const { beat, certificate, jobs, link, outbox, pump, time, upgrade } = this.#options;
    link.beat(beat());
    if (link.state === 'connected') upgrade.proven();
    outbox.reportDrops(({ class: of, dropped, reason }) =>
      JSON.stringify({ type: 'records-dropped', class: of, dropped, reason } satisfies DeviceEvent),
    );
    this.#noteDisk();
    jobs.settle();
    time.note();
    void certificate?.check(time.nowMs());
    pump.checkSilence();
    pump.wake();
  }

  #noteDisk(): void {
    const { directory, outbox, problems } = this.#options;
    if (outbox.isLosing) outbox.prepare();
    if (!outbox.isLosing) return problems.clear('DISK_FULL');
    const problem = `records are lost, because ${directory} has no room; decisions go on`;
    problems.raise(new NanofleetError('DISK_FULL', problem));
  }
}
