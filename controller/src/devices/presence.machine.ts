/**
 * Presence of a device out of births and deaths. Pure. A will arrives late when a broker takes time to notice a loss:
 * by then the device may have a newer session, which that will must not end (Sparkplug B 3.0, bdSeq).
 */

/** What is known of a device's sessions. */
export interface Presence {
  readonly isOnline: boolean;
  readonly session: number;
  readonly instance: string | null;
}

/** Session and process that a birth or death is about. */
export interface SessionMark {
  readonly session: number;
  readonly instance: string;
}

const isSame = (one: Presence, other: SessionMark): boolean =>
  one.session === other.session && one.instance === other.instance;

/**
 * Presence after a birth, and whether two processes seem to use one identity. A session is born once: its birth comes
 * again, retained or delivered twice, also after its death, and then says nothing.
 */
export const afterBirth = (before: Presence, birth: SessionMark): Presence & { isConflict: boolean } => ({
  isOnline: isSame(before, birth) ? before.isOnline : true,
  session: birth.session,
  instance: birth.instance,
  // The counter is persisted by the device: another process that counts from an earlier number has a copy of its state.
  isConflict:
    before.instance !== null && before.instance !== birth.instance && birth.session <= before.session,
});

/** Presence after a death; the same as before when the death is of another session. */
export const afterDeath = (before: Presence, death: SessionMark): Presence =>
  isSame(before, death) ? { ...before, isOnline: false } : before;
