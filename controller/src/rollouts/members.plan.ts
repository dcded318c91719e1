/**
 * The devices of a rollout in waves: what each has made of the bundle, out of what it reports. Pure. A device counts as
 * successful only when it says that it runs the bundle for good; one that cannot be reached counts on no side.
 */
import { type DeviceId, type Digest, ERRORS, type ErrorCode, type GroupId } from '@nanofleet/protocol';

/**
 * `waiting`: has not been given it. `exposed`: is to run it, has not decided. `back`: was given it, and is to run what it
 * had. `returned`: runs that again.
 */
export type MemberStep = 'waiting' | 'exposed' | 'succeeded' | 'failed' | 'back' | 'returned';

/** A device of a rollout. */
export interface Member {
  readonly device: DeviceId;
  readonly step: MemberStep;
  /** The wave that gave it the bundle; null before. */
  readonly wave: number | null;
  /** When it was given it. */
  readonly exposedAt: number | null;
  /** Since when it could be reached and has not decided; null while it is not reachable. */
  readonly sinceAt: number | null;
  /** Tries, the first among them. */
  readonly tries: number;
  /** Tries that do not count against the bound any more, since a person went on all the same. */
  readonly forgiven: number;
  /** Devices that were given it in the same moment; left out by controllers of before. */
  readonly together?: number;
  /** What it ran when it was given the bundle. */
  readonly before: Digest | null;
  /** Why it failed last. */
  readonly code: ErrorCode | null;
  /** The refusal that was counted last, by its time on the device: the same one is not counted for the next try. */
  readonly refusedAt: number | null;
}

/** A device as it is seen now. */
export interface Sighting {
  readonly device: DeviceId;
  readonly group: GroupId;
  readonly isOnline: boolean;
  readonly timeZone: string;
  /** What it runs for good. */
  readonly running: Digest | null;
  /** The last bundle that it would not run. */
  readonly refused: { readonly digest: Digest; readonly code: ErrorCode; readonly at: number } | null;
  /** Whether another rollout is at work on it, or has a greater claim. */
  readonly isBusy: boolean;
}

/** A device that has nothing yet. */
export const newMember = (device: DeviceId): Member => ({
  device,
  step: 'waiting',
  wave: null,
  exposedAt: null,
  sinceAt: null,
  tries: 0,
  forgiven: 0,
  before: null,
  code: null,
  refusedAt: null,
});

/** The device is given the bundle. */
export const exposed = (
  member: Member,
  given: { wave: number; at: number; together: number; before: Digest | null },
): Member => ({
  ...member,
  step: 'exposed',
  wave: given.wave,
  exposedAt: given.at,
  sinceAt: given.at,
  tries: 1,
  together: given.together,
  before: given.before,
});

/** What the rollout wants to know of a member. */
export interface Aim {
  readonly digest: Digest;
  readonly at: number;
  readonly deviceMs: number;
  readonly retries: number;
}

const afterFailure = (member: Member, code: ErrorCode, { at, retries }: Aim): Member =>
  member.tries - member.forgiven <= retries && ERRORS[code].retryable
    ? { ...member, code, tries: member.tries + 1, sinceAt: at }
    : { ...member, code, step: 'failed', sinceAt: null };

/** A member that is to run the bundle, after it was seen. */
const observedOpen = (member: Member, seen: Sighting, aim: Aim): Member => {
  if (seen.running === aim.digest) return { ...member, step: 'succeeded', sinceAt: null, code: null };
  const { refused } = seen;
  // A refusal from before this try is not an answer to it.
  if (refused?.digest === aim.digest && refused.at !== member.refusedAt) {
    return afterFailure({ ...member, refusedAt: refused.at }, refused.code, aim);
  }
  if (!seen.isOnline) return { ...member, sinceAt: null };
  const sinceAt = member.sinceAt ?? aim.at;
  if (aim.at - sinceAt < aim.deviceMs) return { ...member, sinceAt };
  return afterFailure(member, 'ROLLOUT_DEVICE_TIMEOUT', aim);
};

/** A member that is to run what it had: it is back once it does not run the bundle any more. */
const observedBack = (member: Member, seen: Sighting, { digest }: Aim): Member =>
  seen.running === digest ? member : { ...member, step: 'returned', sinceAt: null };

/** A member after it was seen; a device that has taken the bundle and lost it again has failed. */
export const observed = (member: Member, seen: Sighting, aim: Aim): Member => {
  if (member.step === 'exposed') return observedOpen(member, seen, aim);
  if (member.step === 'back') return observedBack(member, seen, aim);
  if (member.step !== 'succeeded' || seen.refused?.digest !== aim.digest || seen.running === aim.digest)
    return member;
  return { ...member, step: 'failed', code: seen.refused.code, refusedAt: seen.refused.at };
};

/** Takes the bundle from a member, if it was given it. */
export const takenBack = (member: Member): Member =>
  wasGiven(member) ? { ...member, step: 'back', sinceAt: null } : member;

/** Whether the rollout decides what the line of a member runs. */
export const wasGiven = ({ step }: Pick<Member, 'step'>): boolean =>
  step === 'exposed' || step === 'succeeded' || step === 'failed';

/** Counts over the devices of one wave, or of all; those that are not reachable and have not decided stand apart. */
export interface MemberCounts {
  readonly given: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly open: number;
  readonly away: number;
  /** Were given it and run, or are to run, what they had; in none of the others. */
  readonly back: number;
}

/** What most devices had that were given the bundle; null before anybody was. */
export const formerOf = (members: Iterable<Member>): Digest | null => {
  const times = new Map<Digest, number>();
  for (const { before } of members) if (before !== null) times.set(before, (times.get(before) ?? 0) + 1);
  const [most] = [...times].sort(([, left], [, right]) => right - left);
  return most?.[0] ?? null;
};

/** Counts over those that were given the bundle; `wave` null for all. */
export const countsOfWave = (members: Iterable<Member>, wave: number | null): MemberCounts => {
  const counts = { given: 0, succeeded: 0, failed: 0, open: 0, away: 0, back: 0 };
  for (const member of members) {
    if (wave !== null && member.wave !== wave) continue;
    if (member.step === 'back' || member.step === 'returned') counts.back += 1;
    if (!wasGiven(member)) continue;
    counts.given += 1;
    if (member.step === 'succeeded') counts.succeeded += 1;
    else if (member.step === 'failed') counts.failed += 1;
    else if (member.sinceAt === null) counts.away += 1;
    else counts.open += 1;
  }
  return counts;
};
