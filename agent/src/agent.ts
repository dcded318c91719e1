/**
 * Wires the agent: every part gets its ports and its neighbours here, and nowhere else. Owns the order of starting and
 * ending; holds no rule of its own.
 */

import { join } from 'node:path';
import {
  BEAT_INTERVAL_MS,
  type Birth,
  type DesiredState,
  type DeviceEvent,
  NanofleetError,
  type OffloadResponse,
  toNanofleetError,
} from '@nanofleet/protocol';
import { newId, randomHex } from '@nanofleet/runtime/ports';
import {
  makeLearning,
  makePairs,
  makeReceived,
  makeReleaseTrust,
  makeSinks,
  makeSources,
  makeUpgrade,
} from './agent-making.ts';
import type { AgentOptions, AgentPorts } from './agent-parts.ts';
import { AGENT_VERSION } from './agent-version.ts';
import { AgentWords } from './agent-words.ts';
import { Health } from './health/health.ts';
import { Heartbeat } from './health/heartbeat.ts';
import { LineFigures } from './health/line-figures.ts';
import { Problems } from './health/problems.ts';
import { rememberQuestions } from './inference/awaited-questions.ts';
import { Decisions } from './inference/decisions.ts';
import { type ExplanationFacts, explanationRefusal } from './inference/explanation-rule.ts';
import { ModelLines } from './inference/model-lines.ts';
import { Questions } from './inference/questions.ts';
import { SensorLines } from './inference/sensor-lines.ts';
import type { LocalService } from './intake/local-service.ts';
import type { Learning } from './learning/learning.ts';
import { AskedBlobs } from './link/asked-blobs.ts';
import { ControllerBlobs, paceOf, type TransferPace } from './link/controller-blobs.ts';
import { DesiredMemory } from './link/desired.ts';
import { makeJobTasks } from './link/job-tasks.ts';
import { Jobs } from './link/jobs.ts';
import { Link } from './link/link.ts';
import { OutboxPump } from './link/outbox-pump.ts';
import { redact } from './router/redaction.ts';
import { Replies } from './router/replies.ts';
import { streamReply } from './router/reply-stream.ts';
import type { Sinks } from './sinks/sinks.ts';
import { findLocalBundles } from './slots/local-bundles.ts';
import { Slots } from './slots/slots.ts';
import type { Sources } from './sources/sources.ts';
import { DecisionMemory } from './store/decision-memory.ts';
import { NO_NAMES } from './store/known-names.ts';
import { OutboundLog } from './store/outbound-log.ts';
import { Outbox } from './store/outbox.ts';
import { SessionCounter } from './store/session-counter.ts';
import { SteadyTime } from './store/steady-time.ts';
import { TrustMemory } from './store/trust.ts';
import { LiveInputs } from './trial/live-inputs.ts';
import type { Pairs } from './trial/pairs.ts';
import { PROBATION_LENGTH } from './trial/probation.ts';
import type { ReleaseTrust } from './trust/release-trust.ts';
import type { Upgrade } from './upgrade/upgrade.ts';
import type { WyomingService } from './wyoming/wyoming-answers.ts';
import type { WyomingConfig } from './wyoming/wyoming-config.ts';

/** A running agent. */
export class Agent implements LocalService {
  readonly #options: AgentOptions;
  readonly #ports: AgentPorts;
  readonly #asked: AskedBlobs;
  readonly #instance: string;
  readonly #problems: Problems;
  readonly #health: Health;
  readonly #figures = new LineFigures(() => this.#desired.policy !== 'none');
  readonly #inputs = new LiveInputs();
  readonly #outbox: Outbox;
  readonly #outbound: OutboundLog;
  readonly #memory: DecisionMemory;
  readonly #replies = new Replies();
  readonly #time: SteadyTime;
  readonly #sessions: SessionCounter;
  readonly #desired: DesiredMemory;
  readonly #lines: ModelLines;
  readonly #questions: Questions;
  readonly #pairs: Pairs;
  readonly #trust: ReleaseTrust;
  readonly #slots: Slots;
  readonly #upgrade: Upgrade;
  readonly #learning: Learning;
  readonly #decisions: Decisions;
  readonly #sensors: SensorLines;
  readonly #sources: Sources;
  readonly #sinks: Sinks | null;
  readonly #pump: OutboxPump;
  readonly #jobs: Jobs;
  readonly #words: AgentWords;
  readonly #link: Link;
  readonly #heartbeat: Heartbeat;

  /** Opens the state. @throws NanofleetError STATE_CORRUPT */
  constructor(options: AgentOptions, ports: AgentPorts) {
    const { directory, identity } = options;
    const { clock, random, disk, log } = ports;
    this.#options = options;
    this.#asked = new AskedBlobs({ clock, random, ask: (request) => this.#link.askBlob(request) });
    const pace = (): TransferPace => paceOf(options, this.#desired.current);
    const ways = { http: ports.blobs, mqtt: this.#asked };
    this.#ports = { ...ports, blobs: new ControllerBlobs({ clock, random, log, ...ways, pace }) };
    this.#instance = randomHex(random, 8);
    this.#problems = new Problems(() => this.#link.reportChanged());
    this.#health = new Health(clock, ports.host);
    this.#time = new SteadyTime({ clock, disk, log, host: ports.host, path: join(directory, 'time.json') });
    const steadyMs = (): number => this.#time.nowMs();
    this.#outbox = new Outbox({ directory: join(directory, 'outbox'), disk, clock, random, log, steadyMs });
    this.#outbound = new OutboundLog(disk, join(directory, 'outbound.log'), log);
    this.#memory = new DecisionMemory(clock, steadyMs);
    this.#sessions = new SessionCounter(disk, join(directory, 'session.json'), log);
    this.#desired = new DesiredMemory({
      ...{ disk, path: join(directory, 'desired.json'), identity, log },
      trust: new TrustMemory({ disk, directory, identity, log }),
      trusted: (trust) => void ports.certificate?.believe(trust, steadyMs()),
    });
    this.#lines = new ModelLines(log);
    this.#questions = new Questions({
      ...{ log, outbox: this.#outbox, redact },
      queued: () => this.#pump.wake(),
    });
    this.#pairs = makePairs(
      { options, ports },
      {
        ...{ figures: this.#figures, memory: this.#memory, questions: this.#questions, steadyMs },
        policy: () => this.#desired.policy,
      },
    );
    const making = { options, ports: this.#ports };
    const followed = (): void => this.#link.reportChanged();
    this.#trust = makeReleaseTrust(making, { followed, problems: this.#problems });
    this.#upgrade = makeUpgrade(making, this.#trust, followed);
    this.#slots = this.#makeSlots();
    this.#pump = new OutboxPump({
      ...{ clock, log, identity, outbox: this.#outbox, outbound: this.#outbound, steadyMs },
      policy: () => this.#desired.policy,
    });
    this.#learning = makeLearning(making, {
      ...{ lines: this.#lines, outbound: this.#outbound, slots: this.#slots, desired: this.#desired },
      link: () => this.#link,
    });
    this.#sinks = makeSinks({ options, ports }, this.#aroundSinks());
    this.#decisions = this.#makeDecisions();
    this.#sensors = new SensorLines({
      clock,
      figures: this.#figures,
      inputs: this.#inputs,
      lines: this.#lines,
      newId: () => newId(clock, random),
      record: (event) => this.#record(event),
    });
    this.#sources = makeSources({ options, ports }, this.#aroundSources());
    this.#jobs = this.#makeJobs();
    this.#words = this.#makeWords();
    this.#link = this.#makeLink();
    this.#heartbeat = this.#makeHeartbeat();
  }

  /** Loads the lines; from then on decisions are answered. */
  async load(): Promise<void> {
    this.#jobs.recover();
    const { clock, log } = this.#ports;
    const nowMs = this.#time.nowMs();
    rememberQuestions({ clock, log, nowMs, memory: this.#memory, outbox: this.#outbox });
    const { bundles } = this.#options;
    const found =
      bundles === undefined
        ? []
        : findLocalBundles(this.#ports.disk, bundles, this.#trust.publisherFingerprints);
    await this.#slots.start(found);
  }

  /** Begins to connect, to beat, and to follow what is desired. */
  start(): void {
    this.#link.start();
    if (this.#desired.current !== null) this.#pursue(this.#desired.current);
    this.#sinks?.start();
    this.#sources.start();
    this.#heartbeat.start();
  }

  /** Says goodbye, makes everything durable, releases the models. */
  async close(): Promise<void> {
    this.#heartbeat.close();
    await this.#sources.close();
    const parts = [this.#sinks, this.#slots, this.#learning, this.#upgrade];
    await Promise.all([this.#link.stop(), ...parts.map((part) => part?.close())]);
    await this.#outbox.close();
    await this.#lines.close();
  }

  /** What each line runs. */
  lines(): Birth['lines'] {
    return this.#words.lines();
  }

  decide: LocalService['decide'] = (text, ask) => this.#decisions.decide(text, ask);

  samples: LocalService['samples'] = (request) => this.#sensors.take(request);

  decision: LocalService['decision'] = (id) => this.#memory.find(id);

  reply: LocalService['reply'] = (id, show) =>
    streamReply({ memory: this.#memory, replies: this.#replies }, id, show);

  label: LocalService['label'] = (id, request) => this.#learning.label(id, request);

  teach: LocalService['teach'] = (request) => this.#learning.teach(request);

  examples: LocalService['examples'] = () => this.#learning.examples();

  wipe: LocalService['wipe'] = () => {
    this.#inputs.clear();
    return this.#learning.wipe();
  };

  outbound: LocalService['outbound'] = () => this.#outbound.read();

  post: LocalService['post'] = (source, text) => this.#sources.post(source, text);

  status: LocalService['status'] = () => this.#words.status();

  /** The agent as a service of the Wyoming protocol. */
  wyoming(config: WyomingConfig): WyomingService {
    return { config, agentVersion: AGENT_VERSION, lines: () => this.#lines.shapes(), decide: this.decide };
  }

  get #beatMs(): number {
    return this.#options.beatMs ?? BEAT_INTERVAL_MS;
  }

  #explanationFacts(): ExplanationFacts {
    return { isForbidden: this.#options.explanations === false, desired: this.#desired.current };
  }

  #makeSlots(): Slots {
    const { acceptance, blobs, clock, disk, host, load, log, random } = this.#ports;
    return new Slots({
      ...{ acceptance, blobs, clock, disk, host, load, log, random },
      pairs: this.#pairs,
      inputs: this.#inputs,
      probation: this.#options.probation ?? PROBATION_LENGTH,
      hold: (line) => this.#lines.hold(line),
      remove: (line) => this.#lines.remove(line),
      directory: join(this.#options.directory, 'slots'),
      publisherFingerprints: () => this.#trust.publisherFingerprints,
      allow: (wanted) => this.#trust.allowModel(wanted),
      isOnTrial: this.#upgrade.isOnTrial,
      exchange: (runner) => {
        this.#figures.began(runner);
        this.#lines.exchange(runner);
        this.#learning.modelChanged(runner);
        this.#sinks?.linesChanged();
      },
      changed: (change) => this.#link.reportChanged(change),
      refused: (error) => this.#problems.raise(error),
    });
  }

  #makeDecisions(): Decisions {
    const { clock, random } = this.#ports;
    return new Decisions({
      clock,
      random,
      questions: this.#questions,
      names: this.#options.names ?? NO_NAMES,
      explanationRefusal: () => explanationRefusal(this.#explanationFacts()),
      lines: this.#lines,
      outbox: this.#outbox,
      memory: this.#memory,
      health: this.#health,
      figures: this.#figures,
      inputs: this.#inputs,
      policy: () => this.#desired.policy,
      steadyMs: () => this.#time.nowMs(),
      queued: () => this.#pump.wake(),
      decided: (decision, text) => {
        this.#learning.decided(decision, text);
        this.#pairs.decided(decision, text);
        this.#sinks?.decided(decision, text);
      },
    });
  }

  #aroundSources(): Parameters<typeof makeSources>[1] {
    return {
      lines: {
        decide: this.decide,
        samples: this.samples,
        sensorShape: (line) => this.#sensors.shape(line),
        interruptSamples: (line) => this.#sensors.interrupt(line),
      },
      problems: this.#problems,
    };
  }

  #aroundSinks(): Parameters<typeof makeSinks>[1] {
    return {
      controls: {
        lines: () => this.#lines.shapes(),
        beginWindow: (line) => this.#sensors.interrupt(line),
        forgetExamples: () => void this.wipe(),
      },
      policy: () => this.#desired.policy,
      outbound: this.#outbound,
      problems: this.#problems,
    };
  }

  #makeJobs(): Jobs {
    const { disk, log } = this.#ports;
    const { directory, loader } = this.#options;
    return new Jobs({
      ...{ disk, path: join(directory, 'job-ledger.json'), log },
      desiredVersion: () => this.#desired.current?.version ?? 0,
      work: makeJobTasks({
        report: () => this.#link.reportChanged(),
        trimOutbound: (key) => this.#outbound.trimFor(key),
        wipeExamples: () => void this.#learning.wipe(),
        restart: loader?.restart,
      }),
    });
  }

  #makeHeartbeat(): Heartbeat {
    const { certificate, clock } = this.#ports;
    return new Heartbeat({
      ...{ clock, everyMs: this.#beatMs, beat: () => this.#words.beat() },
      ...{ certificate, directory: this.#options.directory, jobs: this.#jobs, link: this.#link },
      ...{ outbox: this.#outbox, problems: this.#problems, pump: this.#pump },
      ...{ time: this.#time, upgrade: this.#upgrade },
    });
  }

  #makeWords(): AgentWords {
    return new AgentWords(
      { options: this.#options, ports: this.#ports },
      {
        ...{ desired: this.#desired, figures: this.#figures, health: this.#health, instance: this.#instance },
        ...{ learning: this.#learning, memory: this.#memory, outbox: this.#outbox, problems: this.#problems },
        ...{ sessions: this.#sessions, sinks: this.#sinks, slots: this.#slots, sources: this.#sources },
        ...{ trust: this.#trust, upgrade: this.#upgrade, link: () => this.#link },
        explanations: () => this.#explanationFacts(),
      },
    );
  }

  #makeLink(): Link {
    const { certificate, clock, random, log, transport } = this.#ports;
    const { identity } = this.#options;
    const received = makeReceived(
      { options: this.#options, ports: this.#ports },
      {
        ...{ asked: this.#asked, health: this.#health, jobs: this.#jobs, learning: this.#learning },
        ...{ memory: this.#memory, outbox: this.#outbox, pump: this.#pump, replies: this.#replies },
        link: () => this.#link,
        desired: (body) => this.#follow(body),
        offload: (body) => this.#answered(body),
      },
    );
    return new Link({
      clock,
      random,
      log,
      transport,
      identity,
      received,
      beatMs: this.#beatMs,
      instance: this.#instance,
      sessions: this.#sessions,
      pump: this.#pump,
      ...(certificate === undefined ? {} : { tls: () => certificate.tls }),
      admit: () => this.#askAdmission(),
      birth: (session) => this.#words.birth(session),
      reported: (session) => this.#words.reported(session),
      connected: () => {
        this.#learning.connected();
        this.#trust.catchUp();
      },
      identityInUse: (isInUse) => this.#noteIdentity(isInUse),
    });
  }

  #answered(response: OffloadResponse): void {
    this.#replies.forget(response.decision);
    this.#pairs.answered(response);
    if (!this.#memory.answer(response)) return;
    this.#learning.answered(response);
    const decision = this.#memory.find(response.decision);
    if (decision !== null) this.#figures.answered(decision, response);
    this.#sinks?.answered(decision);
  }

  /** A broker that refuses may have found the certificate out of date, or have lost this device. */
  async #askAdmission(): Promise<void> {
    const { admit, certificate } = this.#ports;
    await certificate?.renew(this.#time.nowMs());
    await admit?.();
  }

  #follow(message: Parameters<DesiredMemory['take']>[0]): void {
    try {
      const { current } = this.#desired;
      const state = this.#desired.take(message);
      this.#problems.holdOne('DESIRED_', null);
      if (state === null) return;
      this.#pursue(state);
      const isHeardOnly =
        this.#slots.isBehind(state.lines) && state.trust?.version === current?.trust?.version;
      this.#link.reportChanged(isHeardOnly ? 'heard' : 'state');
    } catch (thrown) {
      this.#problems.raise(toNanofleetError(thrown));
    }
  }

  #pursue(desired: DesiredState): void {
    const { agent, lines } = desired;
    this.#trust.follow(desired);
    this.#slots.apply(lines);
    if (agent !== undefined) this.#upgrade.want(agent);
  }

  #noteIdentity(isInUse: boolean): void {
    if (!isInUse) return this.#problems.clear('IDENTITY_IN_USE');
    const problem = `another process uses the identity of ${this.#options.identity.device}; enrol each device for itself`;
    this.#problems.raise(new NanofleetError('IDENTITY_IN_USE', problem));
  }

  #record(event: DeviceEvent): void {
    if (event.type === 'sensor-event') this.#sinks?.sensed(event);
    if (this.#outbox.append('event', JSON.stringify(event))) this.#pump.wake();
  }
}
