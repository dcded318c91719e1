/**
 * The fleet over time: who is connected is counted once per span, and a leap of the offload share is noted. Every
 * controller of a fleet does so; they write the same rows.
 */

import { type ApiAnswer, FIGURES_STEP_MS } from '@nanofleet/protocol';
import type { CancelTimer, Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { BeatsRepository } from './beats.repository.ts';
import { spikeOf } from './spike.plan.ts';
import { TimelineService } from './timeline.service.ts';

const MINUTE_MS = 60_000;
/** What is usual is measured over this time. */
const USUAL_MS = 60 * MINUTE_MS;
/** One leap is told once in this time. */
const TOLD_EVERY_MS = 10 * MINUTE_MS;

/** Figures over time. */
@Injectable()
export class FiguresService implements OnModuleInit, OnModuleDestroy {
  #cancel: CancelTimer = () => undefined;
  #isClosed = false;

  constructor(
    private readonly repository: BeatsRepository,
    private readonly timeline: TimelineService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Begins to count. */
  onModuleInit(): void {
    this.#later();
  }

  /** Stops counting. */
  onModuleDestroy(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  /** The last `spanS` seconds in at most `points` spans. */
  async list({ spanS, points }: { spanS: number; points: number }): Promise<ApiAnswer<'figures'>> {
    const steps = Math.max(1, Math.ceil((spanS * 1_000) / points / FIGURES_STEP_MS));
    const stepMs = steps * FIGURES_STEP_MS;
    // Whole spans only: the present one is not over, and would look like a fall.
    const untilMs = Math.floor(this.clock.unixMs() / stepMs) * stepMs;
    const fromMs = untilMs - Math.ceil((spanS * 1_000) / stepMs) * stepMs;
    return { stepMs, until: untilMs, points: await this.repository.figures({ fromMs, untilMs, stepMs }) };
  }

  #later(): void {
    this.#cancel = this.clock.after(FIGURES_STEP_MS, () => {
      void this.#count()
        .catch((thrown: unknown) => this.log.warn('the fleet was not counted', factsOf(thrown)))
        .finally(() => {
          if (!this.#isClosed) this.#later();
        });
    });
  }

  async #count(): Promise<void> {
    const nowMs = this.clock.unixMs();
    await this.repository.countOnline(nowMs);
    const recentMs = nowMs - MINUTE_MS;
    const stepMs = FIGURES_STEP_MS;
    const [before, recent] = await Promise.all([
      this.repository.figures({ fromMs: nowMs - USUAL_MS, untilMs: recentMs, stepMs }),
      this.repository.figures({ fromMs: recentMs, untilMs: nowMs, stepMs }),
    ]);
    const spike = spikeOf(before, recent);
    if (spike === null) return;
    const key = String(Math.floor(nowMs / TOLD_EVERY_MS));
    this.timeline.note({ kind: 'offload-spike', key, figures: { ...spike } });
  }
}
