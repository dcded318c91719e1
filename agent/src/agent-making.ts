/**
 * Makes the parts of an agent that need little of their neighbours, out of its options and ports. Owns how these are
 * handed down; which parts there are, and when they start and end, is the agent's.
 */
import { join } from 'node:path';
import { OFFLOAD_DEADLINE_DEFAULT_MS, type Reported } from '@nanofleet/protocol';
import { newId } from '@nanofleet/runtime/ports';
import type { AgentOptions, AgentPorts } from './agent-parts.ts';
import { AGENT_VERSION } from './agent-version.ts';
import type { Problems } from './health/problems.ts';
import type { Questions } from './inference/questions.ts';
import { attest } from './link/attestation.ts';
import { Sinks, type SinksOptions } from './sinks/sinks.ts';
import { NO_INFLOW, Sources, type SourcesOptions } from './sources/sources.ts';
import type { DecisionMemory } from './store/decision-memory.ts';
import type { OutboundLog } from './store/outbound-log.ts';
import { Pairs, type PairsOptions } from './trial/pairs.ts';
import { ReleaseTrust } from './trust/release-trust.ts';
import { Upgrade } from './upgrade/upgrade.ts';

/** What an agent is made of and told to do. */
export interface Making {
  readonly options: AgentOptions;
  readonly ports: AgentPorts;
}

/** The word of a device that has a key for what its lines run. */
export const attested = (
  state: Parameters<typeof attest>[0],
  { options: { identity }, ports: { deviceKey: key, host } }: Making,
): Pick<Reported, 'attestation'> => {
  const { device, fleet } = identity;
  if (key === undefined) return {};
  return { attestation: attest(state, { boot: host.boot?.()?.id ?? null, device, fleet, key }) };
};

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
