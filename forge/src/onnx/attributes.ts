// Owns the short spelling of attribute values. It never decides which attributes an operator has.
import type { AttributeSpec } from './model.ts';

/** An integer attribute. */
export const int = (value: number): AttributeSpec => ({ kind: 'int', value });
/** A 32-bit float attribute. */
export const float = (value: number): AttributeSpec => ({ kind: 'float', value });
/** A list of integers. */
export const ints = (value: readonly number[]): AttributeSpec => ({ kind: 'ints', value });
