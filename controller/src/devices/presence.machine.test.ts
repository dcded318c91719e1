import { describe, expect, it } from 'vitest';
import { afterBirth, afterDeath } from './presence.machine.ts';

const unseen = { isOnline: false, session: 0, instance: null };
const born = { isOnline: true, session: 5, instance: 'one' };

describe('presence', () => {
  it('begins with a birth', () => {
    expect(afterBirth(unseen, { session: 1, instance: 'one' })).toEqual({
      isOnline: true,
      session: 1,
      instance: 'one',
      isConflict: false,
    });
  });

  it('ends with the death of the same session', () => {
    expect(afterDeath(born, { session: 5, instance: 'one' }).isOnline).toBe(false);
  });

  it('stays ended when the birth of the ended session comes once more', () => {
    const ended = afterDeath(born, { session: 5, instance: 'one' });
    expect(afterBirth(ended, { session: 5, instance: 'one' })).toMatchObject({ isOnline: false, session: 5 });
    expect(afterBirth(ended, { session: 6, instance: 'one' }).isOnline).toBe(true);
  });

  it('outlives the late will of an older session and that of another process', () => {
    expect(afterDeath(born, { session: 4, instance: 'one' })).toEqual(born);
    expect(afterDeath(born, { session: 5, instance: 'two' })).toEqual(born);
  });

  it('sees a restarted process as the same device, and one that counts from before as a second user', () => {
    expect(afterBirth(born, { session: 6, instance: 'two' }).isConflict).toBe(false);
    expect(afterBirth(born, { session: 5, instance: 'two' }).isConflict).toBe(true);
    expect(afterBirth(born, { session: 5, instance: 'one' }).isConflict).toBe(false);
  });
});
