import { describe, expect, it } from 'vitest';
import { passesLuhn, passesMod97 } from './number-checks.ts';
import { routeOf } from './route.ts';

describe('the route of a decision', () => {
  it('stays on the device when the own model is sure, whatever the policy', () => {
    expect((['none', 'mini', 'cloud'] as const).map((policy) => routeOf('sure', policy))).toEqual([
      'stay',
      'stay',
      'stay',
    ]);
  });

  it.each(['unsure', 'out-of-scope'] as const)(
    'is offered to a bigger tier when it is %s and policy allows',
    (verdict) => {
      expect(routeOf(verdict, 'mini')).toBe('offload');
      expect(routeOf(verdict, 'cloud')).toBe('offload');
      expect(routeOf(verdict, 'none')).toBe('refuse');
    },
  );
});

describe('check digits', () => {
  it('tell valid card numbers from ones with a changed digit', () => {
    expect(passesLuhn('79927398713')).toBe(true);
    expect(passesLuhn('79927398710')).toBe(false);
    expect(passesLuhn('')).toBe(false);
  });

  it('tell valid accounts from ones with a changed character', () => {
    expect(passesMod97('GB82WEST12345698765432')).toBe(true);
    expect(passesMod97('GB82WEST12345698765433')).toBe(false);
    expect(passesMod97('GB82')).toBe(false);
  });
});
