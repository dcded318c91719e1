// Schemas as people read them.
import { expect, it } from 'vitest';
import { schemaText } from './schema-text.ts';

it('objects, lists, choices and what is optional', () => {
  const schema = {
    type: 'object',
    required: ['id'],
    properties: {
      id: { type: 'string' },
      state: { enum: ['on', 'off'] },
      counts: { type: 'array', items: { type: 'integer' } },
      at: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
    },
  };
  expect(schemaText(schema)).toBe(
    '{\n  id: string,\n  state?: "on" | "off",\n  counts?: [integer],\n  at?: integer | null\n}',
  );
  expect(schemaText({ type: 'object', additionalProperties: { type: 'number' } })).toBe(
    '{\n  [name]: number\n}',
  );
  expect(schemaText({})).toBe('any');
});
