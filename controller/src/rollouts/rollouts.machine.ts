/**
 * A rollout in waves as a state machine: what each look at the fleet and each order of an operator makes of it. Pure:
 * values in, values out; whoever drives it stores a state before its effect. Errors are looked at before success, as
 * hawkBit does; a wave whose devices have all decided without enough success stops the rollout, which hawkBit lets pass.
 *
 *   approval → scheduled → running ⇄ paused → done
 *
 * and from each of them, done among them, to aborted, or by rolling-back to rolled-back. A rollout that a later one has
 * overtaken is superseded. Only running gives the bundle to anybody.
 */
import type { DeviceId, Digest, ErrorCode, RolloutPhase, RolloutPlan } from '@nanofleet/protocol';
import {
  countsOfWave,
  exposed,
  type Member,
  newMember,
  observed,
  type Sighting,
  takenBack,
} from './members.plan.ts';
import { type Credit, isFilled, nextExposed, waveCount } from './waves.plan.ts';

/** Why a rollout is where it is. */
export interface Reason {
  readonly code: ErrorCode;
  readonly message: string;
}

/** A rollout with its devices. */
export interface RolloutState {
  readonly digest: Digest;
  readonly plan: RolloutPlan;
  readonly phase: RolloutPhase;
  readonly wave: number;
  /** How many waves may begin without being approved once more. */
  readonly approved: number;
  /** The wave that a person lets go on whatever its gate says; null for none. */
  readonly waived: number | null;
  readonly startedAt: number | null;
  readonly waveAt: number | null;
  /** Since when all devices of the wave have decided; null before. */
  readonly settledAt: number | null;
  readonly finishedAt: number | null;
  readonly credit: Credit;
  readonly reason: Reason | null;
  readonly members: ReadonlyMap<DeviceId, Member>;
}

/** What the quality gate says of the wave. */
export interface GateVerdict {
  readonly verdict: 'collecting' | 'passed' | 'stopped' | 'unclear';
  readonly message: string;
}

/** What happens to a rollout. */
export type RolloutEvent =
  | {
      readonly kind: 'looked';
      readonly at: number;
      /** Devices that it is for now. */
      readonly devices: readonly Sighting[];
      /** Null without a gate. */
      readonly gate: GateVerdict | null;
    }
  | {
      readonly kind: 'approve' | 'pause' | 'resume' | 'abort' | 'roll-back' | 'supersede';
      readonly at: number;
    };

const ENDED: readonly RolloutPhase[] = ['done', 'aborted', 'rolled-back', 'superseded'];

/** Whether nothing more happens by itself. */
export const isEnded = ({ phase }: Pick<RolloutState, 'phase'>): boolean => ENDED.includes(phase);

/** A rollout that nobody has looked at yet. */
export const newRollout = (digest: Digest, plan: RolloutPlan, at: number): RolloutState => ({
  digest,
  plan,
  phase: plan.approval || plan.waves[0]?.approval === true ? 'approval' : 'scheduled',
  wave: 0,
  approved: 0,
  waived: null,
  startedAt: null,
  waveAt: null,
  settledAt: null,
  finishedAt: null,
  credit: { at, devices: 1 },
  reason: null,
  members: new Map(),
});

const withMembers = (state: RolloutState, change: (member: Member) => Member): RolloutState => ({
  ...state,
  members: new Map([...state.members].map(([key, member]) => [key, change(member)])),
});

const ended = (state: RolloutState, phase: RolloutPhase, at: number): RolloutState => ({
  ...state,
  phase,
  finishedAt: at,
});

/** All that were given the bundle are to run what they had. */
const turnedBack = (state: RolloutState, reason: Reason | null): RolloutState => ({
  ...withMembers(state, takenBack),
  phase: 'rolling-back',
  reason: reason ?? state.reason,
  settledAt: null,
});

/** Stops a rollout for a reason, as its plan says. */
const stopped = (state: RolloutState, reason: Reason): RolloutState =>
  state.plan.onStop === 'roll-back' ? turnedBack(state, reason) : { ...state, phase: 'paused', reason };

/** Takes devices in that it is for, and lets those go that it is not for any more and that were given nothing. */
const joined = (state: RolloutState, seen: ReadonlyMap<DeviceId, Sighting>): RolloutState => {
  const members = new Map(
    [...state.members].filter(([device, { step }]) => seen.has(device) || step !== 'waiting'),
  );
  for (const device of seen.keys()) if (!members.has(device)) members.set(device, newMember(device));
  return { ...state, members };
};

const looked = (state: RolloutState, seen: ReadonlyMap<DeviceId, Sighting>, at: number): RolloutState => {
  const { digest, plan } = state;
  const aim = { digest, at, deviceMs: plan.deviceS * 1_000, retries: plan.retries };
  const isGoingBack = state.phase === 'rolling-back';
  return withMembers(joined(state, seen), (member) => {
    const sighting = seen.get(member.device);
    if (sighting === undefined) return member;
    // Once a rollout was done, devices got the bundle without being asked one by one.
    if (isGoingBack && member.step === 'waiting' && sighting.running === digest)
      return { ...member, step: 'back' };
    return observed(member, sighting, aim);
  });
};

/** Why a rollout must stop now; null for none. */
const faultOf = (state: RolloutState, { gate }: { gate: GateVerdict | null }): Reason | null => {
  const { errors } = state.plan;
  const { failed, succeeded } = countsOfWave(state.members.values(), null);
  const decided = failed + succeeded;
  const isShare = decided >= errors.minimum && failed * 100 > errors.percent * decided;
  if (failed > 0 && (isShare || (errors.count !== undefined && failed >= errors.count))) {
    return {
      code: 'ROLLOUT_ERRORS',
      message: `${failed} of ${decided} devices that decided did not take it.`,
    };
  }
  if (gate?.verdict === 'stopped') return { code: 'ROLLOUT_GATE_STOPPED', message: gate.message };
  return null;
};

/** Why a rollout has had its time; null while it has some left. */
const lateness = ({ plan, startedAt }: RolloutState, at: number): Reason | null =>
  startedAt === null || at - startedAt <= plan.totalS * 1_000
    ? null
    : { code: 'ROLLOUT_TOO_LONG', message: `It was not through after ${plan.totalS} seconds.` };

/** Gives the bundle to those whose turn it is. */
const given = (state: RolloutState, seen: ReadonlyMap<DeviceId, Sighting>, at: number): RolloutState => {
  const { devices, credit } = nextExposed({ ...state, seen, at });
  const members = new Map(state.members);
  for (const { device, running } of devices) {
    const member = members.get(device);
    const now = { wave: state.wave, at, together: devices.length, before: running };
    if (member !== undefined) members.set(device, exposed(member, now));
  }
  return { ...state, credit, members };
};

type Settling = 'open' | 'enough' | 'missed';

/** Whether a wave has enough success, may still get it, or cannot. */
const settlingOf = (state: RolloutState, seen: ReadonlyMap<DeviceId, Sighting>, at: number): Settling => {
  const { plan, wave } = state;
  const { away, failed, given: all, open, succeeded } = countsOfWave(state.members.values(), wave);
  if (!isFilled({ ...state, seen, at })) return 'open';
  // Nobody of the first wave is there: it waits. Nobody is left for a later one: those who come get it in their turn.
  if (all === 0) return wave === 0 ? 'open' : 'enough';
  const reachable = succeeded + failed + open;
  const isEnough = succeeded * 100 >= plan.success.percent * reachable;
  if (reachable > 0 && isEnough && succeeded >= Math.min(plan.success.count, all)) return 'enough';
  return open > 0 || (away > 0 && failed === 0) ? 'open' : 'missed';
};

/** A wave that has settled: on to the next, or waiting for time, gate or a person. */
const settled = (
  state: RolloutState,
  { at, gate }: { at: number; gate: GateVerdict | null },
): RolloutState => {
  const { plan, wave } = state;
  const settledAt = state.settledAt ?? at;
  const waiting = { ...state, settledAt };
  if (at - settledAt < (plan.waves[wave]?.holdS ?? 0) * 1_000) return waiting;
  if (gate?.verdict === 'collecting') return waiting;
  if (gate?.verdict === 'unclear' && plan.gate?.unclear === 'pause')
    return { ...waiting, phase: 'paused', reason: { code: 'ROLLOUT_GATE_UNCLEAR', message: gate.message } };
  if (wave + 1 >= waveCount(plan)) return ended(waiting, 'done', at);
  const next = { ...state, wave: wave + 1, waveAt: at, settledAt: null };
  const mustAsk = plan.waves[next.wave]?.approval === true && next.approved <= next.wave;
  return mustAsk ? { ...next, phase: 'approval' } : next;
};

const running = (
  state: RolloutState,
  seen: ReadonlyMap<DeviceId, Sighting>,
  now: { at: number; gate: GateVerdict | null },
): RolloutState => {
  const fault = faultOf(state, now) ?? lateness(state, now.at);
  if (fault !== null) return stopped(state, fault);
  const next = given(state, seen, now.at);
  const settling = settlingOf(next, seen, now.at);
  if (settling === 'open') return { ...next, settledAt: null };
  if (settling === 'enough') return settled(next, now);
  const message = `Wave ${next.wave + 1} has fewer devices that run it than the plan wants.`;
  return stopped(next, { code: 'ROLLOUT_SUCCESS_MISSED', message });
};

/** A rollout that goes back is through when nobody reachable still runs the bundle. */
const rollingBack = (
  state: RolloutState,
  seen: ReadonlyMap<DeviceId, Sighting>,
  at: number,
): RolloutState => {
  const isOpen = [...state.members.values()].some(
    ({ device, step }) => step === 'back' && seen.get(device)?.isOnline === true,
  );
  return isOpen ? state : ended(state, 'rolled-back', at);
};

const afterLook = (before: RolloutState, event: Extract<RolloutEvent, { kind: 'looked' }>): RolloutState => {
  const { at, devices } = event;
  const seen = new Map(devices.map((sighting) => [sighting.device, sighting]));
  const state = looked(before, seen, at);
  const now = { at, gate: state.waived === state.wave ? null : event.gate };
  if (state.phase === 'rolling-back') return rollingBack(state, seen, at);
  if (state.phase === 'running') return running(state, seen, now);
  if (state.phase !== 'scheduled') return waiting(state, now);
  if (at < (state.plan.startAt ?? 0) || !devices.some(({ isOnline }) => isOnline)) return state;
  const begun = {
    ...state,
    phase: 'running' as const,
    startedAt: at,
    waveAt: at,
    credit: { at, devices: 1 },
  };
  return running(begun, seen, now);
};

/** Waiting for a person stops neither the time nor a fault: a rollout that nobody goes on with ends. */
const waiting = (state: RolloutState, now: { at: number; gate: GateVerdict | null }): RolloutState => {
  const late = lateness(state, now.at);
  if (late !== null) return { ...ended(state, 'aborted', now.at), reason: late };
  const fault = faultOf(state, now);
  // One that a fault has paused waits for what a person makes of it.
  return fault === null || state.reason !== null ? state : stopped(state, fault);
};

/** The orders that a rollout takes in a phase. */
const TAKES: Readonly<Record<Exclude<RolloutEvent['kind'], 'looked'>, readonly RolloutPhase[]>> = {
  approve: ['approval'],
  pause: ['approval', 'scheduled', 'running'],
  resume: ['paused'],
  abort: ['approval', 'scheduled', 'running', 'paused'],
  'roll-back': ['approval', 'scheduled', 'running', 'paused', 'aborted', 'done'],
  supersede: ['approval', 'scheduled', 'running', 'paused', 'rolling-back'],
};

/** Whether an order changes anything. */
export const takes = ({ phase }: Pick<RolloutState, 'phase'>, order: keyof typeof TAKES): boolean =>
  TAKES[order].includes(phase);

const begunPhase = ({ startedAt }: RolloutState): RolloutPhase =>
  startedAt === null ? 'scheduled' : 'running';

/** The state after an event; the same one where it changes nothing. */
export const step = (state: RolloutState, event: RolloutEvent): RolloutState => {
  if (event.kind === 'looked') return isEnded(state) ? state : afterLook(state, event);
  if (!takes(state, event.kind)) return state;
  if (event.kind === 'approve') return { ...state, approved: state.wave + 1, phase: begunPhase(state) };
  if (event.kind === 'pause') return { ...state, phase: 'paused', reason: null };
  // Going on with a rollout that a fault has paused forgives what failed so far: those devices are asked once more.
  if (event.kind === 'resume')
    return {
      ...withMembers(state, forgiven(event.at)),
      phase: begunPhase(state),
      waived: state.reason === null ? state.waived : state.wave,
      reason: null,
      settledAt: null,
    };
  if (event.kind === 'abort') return ended(state, 'aborted', event.at);
  if (event.kind === 'supersede') return ended(state, 'superseded', event.at);
  return turnedBack(state, null);
};

const forgiven =
  (at: number) =>
  (member: Member): Member =>
    member.step === 'failed'
      ? { ...member, step: 'exposed', tries: member.tries + 1, forgiven: member.tries, sinceAt: at }
      : member;
