/**
 * What is measured, under the names of Prometheus. Labels come from fixed lists and from the table of routes, never from
 * devices, lines or whatever else can be sent: the number of series has a bound. Figures of the fleet are read from the
 * database, so every controller of a fleet tells the same; those of a process are its own. Never decides who may read.
 */
import type { ApiAnswer, Trust } from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { CloudService } from '../cloud/cloud.service.ts';
import { Link } from '../link/link.ts';
import { LiveFeed } from '../live/live.feed.ts';
import { CLOCK } from '../ports/clock.ts';
import { ShardsService } from '../shards/shards.service.ts';
import { Identity } from '../state/identity.ts';
import { FleetService } from '../telemetry/fleet.service.ts';
import { TrustService } from '../trust/trust.service.ts';
import type { Readiness } from './readiness.service.ts';

const MS_PER_S = 1_000;
const MICROS = 1_000_000;
/**
 * How often the lag of the event loop is sampled; what is told holds this time, too. prom-client's own 10 ms keep a controller that has
 * nothing to do from resting: 7 ms of CPU a second.
 */
const LAG_EVERY_MS = 100;
/** Seconds: an answer out of memory up to a slow listing. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
/** Node's parser takes some thirty more, which no route has. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE']);
/** Label of a request that found no route: its path is whatever somebody sent. */
const NO_ROUTE = 'none';

/** A request that was answered. */
export interface Answered {
  readonly method: string;
  /** Of the table of routes; left out where there was none. */
  readonly route?: string | undefined;
  readonly status: number;
  readonly elapsedMs: number;
}

/** The figures of one controller. */
@Injectable()
export class MetricsService {
  readonly #registry = new Registry();
  readonly #requests = this.#histogram(
    'nanofleet_http_request_seconds',
    'Time from a request to its answer',
    ['method', 'route', 'status'],
  );
  readonly #part = this.#gauge('nanofleet_part_up', 'Whether a part works: what /readyz says', ['part']);
  readonly #ready = this.#gauge('nanofleet_ready', 'Whether this controller is ready');
  readonly #shards = this.#gauge('nanofleet_shards_held', 'Shards whose devices this controller hears');
  readonly #streams = this.#gauge(
    'nanofleet_live_streams',
    'Dashboards that read the stream of changes here',
  );
  readonly #messages = this.#counter('nanofleet_link_messages_total', 'Messages of devices since the start');
  readonly #malformed = this.#counter('nanofleet_link_malformed_total', 'Messages dropped as malformed');
  readonly #handshakes = this.#counter(
    'nanofleet_tls_handshakes_total',
    'TLS handshakes since the start; resumed ones cost less',
    ['kind'],
  );
  readonly #duplicates = this.#counter(
    'nanofleet_ingest_duplicates_total',
    'Records that were stored before',
  );
  readonly #devices = this.#gauge('nanofleet_fleet_devices', 'Devices of the fleet by state', ['state']);
  readonly #decisions = this.#counter('nanofleet_fleet_decisions_total', 'Decisions that devices reported');
  readonly #events = this.#counter('nanofleet_fleet_events_total', 'Events that devices reported');
  readonly #offloads = this.#counter(
    'nanofleet_fleet_offloads_total',
    'Questions to bigger models, by outcome',
    ['outcome'],
  );
  readonly #spent = this.#gauge('nanofleet_cloud_spent_today', 'Money spent on the provider today (UTC)');
  readonly #reserved = this.#gauge(
    'nanofleet_cloud_reserved_today',
    'Money that calls in work may still cost',
  );
  readonly #budget = this.#gauge(
    'nanofleet_cloud_budget_per_day',
    'Budget of a day; absent without a provider',
  );

  readonly #metadata = this.#gauge(
    'nanofleet_fleet_metadata_valid_seconds',
    'How long release metadata still counts; absent where the fleet has none',
    ['role'],
  );

  constructor(
    private readonly fleet: FleetService,
    private readonly link: Link,
    private readonly shards: ShardsService,
    private readonly live: LiveFeed,
    private readonly cloud: CloudService,
    private readonly identity: Identity,
    private readonly trust: TrustService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const { controllerVersion: version } = identity.shown();
    this.#gauge('nanofleet_build_info', 'Always 1; the version is the label', ['version']).set(
      { version },
      1,
    );
  }

  /** Adds memory, processor, event loop and garbage collection of the process. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LAG_EVERY_MS });
  }

  /** Media type of the text. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Notes an answered request. */
  observe({ elapsedMs, method, route = NO_ROUTE, status }: Answered): void {
    const labels = {
      method: METHODS.has(method) ? method : 'other',
      route,
      status: `${Math.floor(status / 100)}xx`,
    };
    this.#requests.observe(labels, elapsedMs / MS_PER_S);
  }

  /** Everything, as text; a database that is away costs the figures of the fleet, never those of the process. */
  async text(readiness: Readiness): Promise<string> {
    this.#ofProcess(readiness);
    if (readiness.parts['database'] === true) await this.#ofFleet();
    else this.#forgetFleet();
    return this.#registry.metrics();
  }

  #ofProcess({ parts, ready }: Readiness): void {
    this.#ready.set(Number(ready));
    for (const [part, isUp] of Object.entries(parts)) this.#part.set({ part }, Number(isUp));
    this.#shards.set(this.shards.held.length);
    this.#streams.set(this.live.readers);
    total(this.#messages, this.link.counts.messages);
    total(this.#malformed, this.link.counts.malformed);
    this.#setHandshakes();
  }

  #setHandshakes(): void {
    this.#handshakes.reset();
    const { tls } = this.identity;
    if (tls === null) return;
    const { full, resumed } = tls.handshakes;
    this.#handshakes.inc({ kind: 'full' }, full);
    this.#handshakes.inc({ kind: 'resumed' }, resumed);
  }

  async #ofFleet(): Promise<void> {
    const [figures, cloud, trust] = await Promise.all([
      this.fleet.figures(),
      this.cloud.shown(),
      this.trust.show(),
    ]);
    this.#setDevices(figures.devices);
    total(this.#duplicates, figures.ingest.duplicates);
    total(this.#decisions, figures.decisions);
    total(this.#events, figures.events);
    this.#setOffloads(figures.offloads);
    this.#setMoney(cloud);
    this.#setMetadata(trust);
  }

  #setMetadata({ roles }: Trust): void {
    this.#metadata.reset();
    for (const { expiresAt, role } of roles)
      this.#metadata.set({ role }, (expiresAt - this.clock.unixMs()) / MS_PER_S);
  }

  #setDevices({ online, revoked, total: all }: ApiAnswer<'fleet'>['devices']): void {
    const states = { online, revoked, offline: all - online - revoked };
    for (const [state, count] of Object.entries(states)) this.#devices.set({ state }, count);
  }

  #setOffloads({ answered, expired, unanswered }: ApiAnswer<'fleet'>['offloads']): void {
    this.#offloads.reset();
    for (const [outcome, count] of Object.entries({ answered, expired, unanswered }))
      this.#offloads.inc({ outcome }, count);
  }

  #setMoney({ provider, today }: ApiAnswer<'cloud'>): void {
    this.#spent.set(today.spentMicros / MICROS);
    this.#reserved.set(today.reservedMicros / MICROS);
    if (provider !== null) this.#budget.set(provider.budgetMicros / MICROS);
    else this.#budget.remove();
  }

  /** Old figures would look like a fleet that stands still. */
  #forgetFleet(): void {
    this.#devices.reset();
    this.#offloads.reset();
    this.#metadata.reset();
    for (const counter of [this.#decisions, this.#events, this.#duplicates]) counter.remove();
    for (const gauge of [this.#spent, this.#reserved, this.#budget]) gauge.remove();
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[] = []): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: L[]): Histogram<L> {
    return new Histogram({ name, help, labelNames, buckets: BUCKETS, registers: [this.#registry] });
  }
}

/** Counters whose count is kept elsewhere. */
const total = (counter: Counter, value: number): void => {
  counter.reset();
  counter.inc(value);
};
