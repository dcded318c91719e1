/**
 * What an agent says of itself, to the controller and to programs of its device. Owns which of its parts is asked for what;
 * when something is said is others' business.
 */
import type { AgentStatus, Beat, Birth, Reported } from '@nanofleet/protocol';
import type { Making } from './agent-making.ts';
import { AGENT_VERSION } from './agent-version.ts';
import type { Health } from './health/health.ts';
import type { LineFigures } from './health/line-figures.ts';
import type { Problems } from './health/problems.ts';
import { type ExplanationFacts, explanationsHere } from './inference/explanation-rule.ts';
import type { Learning } from './learning/learning.ts';
import { attest } from './link/attestation.ts';
import type { DesiredMemory } from './link/desired.ts';
import type { Link } from './link/link.ts';
import type { Sinks } from './sinks/sinks.ts';
import type { Slots } from './slots/slots.ts';
import type { Sources } from './sources/sources.ts';
import type { DecisionMemory } from './store/decision-memory.ts';
import type { Outbox } from './store/outbox.ts';
import type { SessionCounter } from './store/session-counter.ts';
import type { ReleaseTrust } from './trust/release-trust.ts';
import type { Upgrade } from './upgrade/upgrade.ts';

/** Whom it asks. */
export interface WordParts {
  /** Of this process. */
  readonly instance: string;
  readonly desired: DesiredMemory;
  readonly explanations: () => ExplanationFacts;
  readonly figures: LineFigures;
  readonly health: Health;
  readonly learning: Learning;
  readonly link: () => Link;
  readonly memory: DecisionMemory;
  readonly outbox: Outbox;
  readonly problems: Problems;
  readonly sessions: SessionCounter;
  readonly sinks: Sinks | null;
  readonly slots: Slots;
  readonly sources: Sources;
  readonly trust: ReleaseTrust;
  readonly upgrade: Upgrade;
}

/** What an agent says. */
export class AgentWords {
  readonly #made: Making;
  readonly #parts: WordParts;

  constructor(made: Making, parts: WordParts) {
    this.#made = made;
    this.#parts = parts;
  }

  /** What each line runs. */
  lines(): Birth['lines'] {
    const running = Object.entries(this.#parts.slots.reports()).flatMap(([line, report]) =>
      report.running === null ? [] : [[line, report.running] as const],
    );
    return Object.fromEntries(running);
  }

  /** When it has connected. */
  birth(session: number): Birth {
    const { host, engine } = this.#made.ports;
    const { instance, memory } = this.#parts;
    return {
      session,
      instance,
      agentVersion: AGENT_VERSION,
      engine,
      host: { arch: host.arch, node: host.nodeVersion, memoryBytes: host.memoryBytes },
      lines: this.lines(),
      desiredVersion: this.#desiredVersion,
      awaiting: memory.awaiting(),
    };
  }

  /** What it runs, under its key where it has one. */
  reported(session: number): Reported {
    const { instance, problems, slots, trust, upgrade } = this.#parts;
    const state = { session, instance, lines: slots.reports() };
    return {
      ...state,
      ...trust.report(),
      ...this.#attested(state),
      desiredVersion: this.#desiredVersion,
      problems: problems.list(),
      agent: upgrade.report(),
    };
  }

  /** How it is. */
  beat(): Beat {
    const { figures, health, instance, outbox, problems, sessions } = this.#parts;
    return health.beat({
      session: Math.max(1, sessions.current),
      instance,
      lines: figures.onto(this.lines()),
      outbox: outbox.figures(),
      problems: problems.list().map(({ code }) => code),
    });
  }

  /** All of it, for programs of the device. */
  status(): AgentStatus {
    const { engine } = this.#made.ports;
    const { device, fleet } = this.#made.options.identity;
    const { desired, explanations, health, learning, link, outbox, problems } = this.#parts;
    const { sessions, sinks, slots, sources, upgrade } = this.#parts;
    return {
      ...{ fleet, device, engine },
      link: link().state,
      session: sessions.current,
      desiredVersion: this.#desiredVersion,
      offload: desired.policy,
      explanations: explanationsHere(explanations()),
      lines: slots.reports(),
      health: health.lastBeat ?? this.beat(),
      waiting: outbox.waiting,
      delivered: outbox.delivered,
      learning: learning.status(),
      sources: sources.reports(),
      sinks: sinks?.reports() ?? {},
      problems: problems.list(),
      agent: upgrade.report(),
    };
  }

  get #desiredVersion(): number {
    return this.#parts.desired.current?.version ?? 0;
  }

  #attested(state: Parameters<typeof attest>[0]): Pick<Reported, 'attestation'> {
    const { deviceKey: key, host } = this.#made.ports;
    const { device, fleet } = this.#made.options.identity;
    if (key === undefined) return {};
    return { attestation: attest(state, { boot: host.boot?.()?.id ?? null, device, fleet, key }) };
  }
}
