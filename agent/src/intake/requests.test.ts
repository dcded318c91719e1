// Behaviour of checked requests: what a program may ask beside its text.
import { describe, expect, it } from 'vitest';
import { parseBatch, parseDecide } from './requests.ts';

describe('a request to decide', () => {
  it('may ask for an explanation, alone or in a batch', () => {
    expect(parseDecide({ text: 'light on', explain: true })).toEqual({ text: 'light on', explain: true });
    expect(parseBatch({ texts: ['light on'], explain: true })).toMatchObject({ explain: true });
  });

  it('asks for none when it holds nothing but a text', () => {
    expect(parseDecide({ text: 'light on' })).toEqual({ text: 'light on' });
  });

  it('is refused when what it asks for is neither true nor false', () => {
    expect(() => parseDecide({ text: 'light on', explain: 'yes' })).toThrow(/explain/);
  });
});
