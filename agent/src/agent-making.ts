/**
 * Makes the parts of an agent that need little of their neighbours, out of its options and ports. Owns how these are
 * handed down; which parts there are, and when they start and end, is the agent's.
 */
import { join } from 'node:path';
import { OFFLOAD_DEADLINE_DEFAULT_MS } from '@nanofleet/protocol';
import { newId } from '@nanofleet/runtime/ports';
import type { AgentOptions, AgentPorts } from './agent-parts.ts';
import { AGENT_VERSION } from './agent-version.ts';
import type { Health } from './health/health.ts';
import type { Problems } from './health/problems.ts';
import type { ModelLines } from './inference/model-lines.ts';
import type { Questions } from './inference/questions.ts';
import { Learning } from './learning/learning.ts';
import type { AskedBlobs } from './link/asked-blobs.ts';
import type { DesiredMemory } from './link/desired.ts';
import { type InboxHandlers, makeInbox } from './link/inbox.ts';
import type { Jobs } from './link/jobs.ts';
import type { Link, LinkOptions } from './link/link.ts';
import type { OutboxPump } from './link/outbox-pump.ts';
import type { Replies } from './router/replies.ts';
import { Sinks, type SinksOptions } from './sinks/sinks.ts';
import type { Slots } from './slots/slots.ts';
import { NO_INFLOW, Sources, type SourcesOptions } from './sources/sources.ts';
import type { DecisionMemory } from './store/decision-memory.ts';
import type { OutboundLog } from './store/outbound-log.ts';
import type { Outbox } from './store/outbox.ts';
import { Pairs, type PairsOptions } from './trial/pairs.ts';
import { ReleaseTrust } from './trust/release-trust.ts';
import { Upgrade } from './upgrade/upgrade.ts';

/** What an agent is made of and told to do. */
export interface Making {
  readonly options: AgentOptions;
  readonly ports: AgentPorts;
}

/** @param around.steadyMs the time that deadlines are of */
export const makePairs = (
  { ports: { clock, random } }: Making,
  around: Pick<PairsOptions, 'figures' | 'policy'> & {
    memory: DecisionMemory;
    questions: Questions;
    steadyMs: () => number;
  },
): Pairs => {
  const { memory, questions, steadyMs } = around;
  return new Pairs({
    ...{ clock, figures: around.figures, policy: around.policy },
    newId: () => newId(clock, random),
    find: (id) => memory.find(id),
    ask: (text, decision) => {
      const deadlineMs = Math.round(steadyMs()) + OFFLOAD_DEADLINE_DEFAULT_MS;
      return questions.ask(text, decision, { deadlineMs, isComparison: true });
    },
  });
};

/** The platform of this device, as releases name it. */
const platformOf = ({ host }: Pick<AgentPorts, 'host'>): string => `linux-${host.arch}`;

/** What the publishers have released. */
export const makeReleaseTrust = (
  { options, ports }: Making,
  { followed, problems }: { followed: () => void; problems: Problems },
): ReleaseTrust => {
  const { blobs, clock, disk, log } = ports;
  const { directory, identity } = options;
  return new ReleaseTrust({
    ...{ blobs, clock, directory, disk, identity, log },
    hardware: platformOf(ports),
    followed,
    failing: (error) => problems.holdOne('METADATA_', error),
  });
};

/** @param changed told when the report has changed */
export const makeUpgrade = (
  { options, ports }: Making,
  trust: ReleaseTrust,
  changed: () => void,
): Upgrade => {
  const { blobs, clock, disk, engine, host, log, random } = ports;
  const { directory, loader } = options;
  return new Upgrade({
    ...{ blobs, clock, disk, loader, log, random },
    directory: join(directory, 'agent'),
    publisherFingerprints: () => trust.publisherFingerprints,
    allow: (release) => trust.allowAgent(release),
    surroundings: {
      platform: platformOf(ports),
      node: host.nodeVersion.replace(/^v/, ''),
      engine,
      running: AGENT_VERSION,
    },
    changed,
  });
};

export const makeSources = (
  { options, ports }: Making,
  around: { lines: SourcesOptions['lines']; problems: Problems },
): Sources => {
  const { clock, random, disk, log, transport } = ports;
  const { directory, identity, inflow = NO_INFLOW } = options;
  return new Sources({
    ...{ clock, random, disk, log, transport },
    ...inflow,
    directory: join(directory, 'sources'),
    device: identity.device,
    lines: around.lines,
    failing: (error) => around.problems.hold('SOURCE_FAILED', error),
  });
};

/** What of a line's decisions is learnt. */
export const makeLearning = (
  { options, ports }: Making,
  around: {
    readonly desired: DesiredMemory;
    readonly lines: ModelLines;
    readonly link: () => Link;
    readonly outbound: OutboundLog;
    readonly slots: Slots;
  },
): Learning => {
  const { clock, random, disk, log, blobs, trainer } = ports;
  const { directory, identity, learning = true } = options;
  const { desired, lines, link, outbound, slots } = around;
  return new Learning({
    ...{ clock, random, disk, log, blobs, trainer, lines, link, outbound },
    directory: join(directory, 'learning'),
    device: identity.device,
    isOn: learning,
    desired: () => desired.current,
    policy: () => desired.policy,
    bundleOf: (line, digest) => slots.open(line, digest),
  });
};

/** Who takes what arrives. */
export interface Receivers {
  readonly asked: AskedBlobs;
  readonly health: Health;
  readonly jobs: Jobs;
  readonly learning: Learning;
  readonly link: () => Link;
  readonly memory: DecisionMemory;
  readonly outbox: Outbox;
  readonly pump: OutboxPump;
  readonly replies: Replies;
  readonly desired: InboxHandlers['desired'];
  readonly offload: InboxHandlers['offload'];
}

/** Takes what arrives to whoever it is for. */
export const makeReceived = (
  { options: { identity }, ports: { log } }: Making,
  { asked, health, jobs, learning, link, memory, outbox, pump, replies, desired, offload }: Receivers,
): LinkOptions['received'] =>
  makeInbox({
    device: identity.device,
    log,
    dropped: () => health.countMalformed(),
    handlers: {
      ...{ desired, offload },
      birth: (body, options) => link().bornElsewhere(body, options),
      ack: (body) => {
        if (outbox.acknowledge(body) > 0) pump.heard();
      },
      job: (id, body) => {
        const state = jobs.take(id, body);
        if (state !== null) link().jobState(id, state);
      },
      roundPlan: (round, plan, options) => learning.plan(round, plan, options),
      roundResult: (round, result) => learning.result(round, result),
      tokens: (frame) => {
        if (memory.isAwaited(frame.correlation)) replies.take(frame);
      },
      blob: (frame) => asked.take(frame),
      blobRefused: (body) => asked.refused(body),
    },
  });

/** Null when the device has no sinks. */
export const makeSinks = (
  { options, ports }: Making,
  around: Pick<SinksOptions, 'policy'> & {
    controls: Omit<SinksOptions['controls'], 'fleet' | 'agentVersion'>;
    outbound: OutboundLog;
    problems: Problems;
  },
): Sinks | null => {
  const { clock, random, disk, log, transport } = ports;
  const { identity, outflow } = options;
  if (outflow === undefined) return null;
  return new Sinks({
    ...outflow,
    ...{ clock, random, disk, log, transport },
    device: identity.device,
    controls: { fleet: identity.fleet, agentVersion: AGENT_VERSION, ...around.controls },
    policy: around.policy,
    leaving: (entry) => around.outbound.note(entry),
    failing: (error) => around.problems.hold('SINK_FAILED', error),
  });
};
