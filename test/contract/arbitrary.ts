/**
 * Arbitrary values of a zod schema, so that property tests follow the contract without a second description of it.
 * Knows the parts of zod that the protocol uses and refuses any other, so that a new part cannot go untested.
 */
import { BrokenInvariant } from '@nanofleet/protocol';
import fc from 'fast-check';
import { z } from 'zod';

type Any = fc.Arbitrary<unknown>;

const NUMBER_BOUND = 1e9;
/** Values in a row that a schema may refuse: more, and it can hardly be met by chance, which is a mistake of this file. */
const REFUSED_MAX = 10_000;
const ITEMS_MAX = 5;

const numberOf = (schema: z.ZodNumber): Any => {
  const min = Math.max(schema.minValue ?? -NUMBER_BOUND, -NUMBER_BOUND);
  const max = Math.min(schema.maxValue ?? NUMBER_BOUND, NUMBER_BOUND);
  if (schema.isInt) return fc.integer({ min: Math.ceil(min), max: Math.floor(max) });
  return fc.double({ min, max, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
};

const stringOf = (schema: z.ZodString | z.ZodStringFormat): Any => {
  const max = Math.min(schema.maxLength ?? 40, 120);
  const min = schema.minLength ?? 0;
  if (schema.format === 'base64') return base64Of({ min, max });
  const pattern = patternOf(schema);
  if (pattern !== undefined) return fc.stringMatching(pattern, { size: '+1' });
  return fc.string({ minLength: min, maxLength: Math.max(min, max), unit: 'grapheme' });
};

const patternOf = (schema: z.ZodString | z.ZodStringFormat): RegExp | undefined =>
  (schema.def.checks ?? [])
    .map((check) => check._zod.def as { pattern?: RegExp })
    .find(({ pattern }) => pattern !== undefined)?.pattern;

const base64Of = ({ min, max }: { min: number; max: number }): Any =>
  fc
    .uint8Array({
      minLength: Math.floor((min * 3) / 4) - (min > 0 ? 2 : 0),
      maxLength: Math.floor((max * 3) / 4),
    })
    .map((bytes) => Buffer.from(bytes).toString('base64'))
    .filter((text) => text.length >= min && text.length <= max);

const objectOf = (schema: z.ZodObject): Any => {
  const entries = Object.entries(schema.shape) as [string, z.ZodType][];
  const required = entries.filter(([, field]) => !(field instanceof z.ZodOptional)).map(([name]) => name);
  const fields = Object.fromEntries(
    entries.map(([name, field]) => [
      name,
      arbitraryOf(field instanceof z.ZodOptional ? (field.unwrap() as z.ZodType) : field),
    ]),
  );
  return fc.record(fields, { requiredKeys: required });
};

const recordOf = (schema: z.ZodRecord): Any => {
  const keys = schema.keyType as unknown as z.ZodType;
  const value = arbitraryOf(schema.valueType as z.ZodType);
  if (keys instanceof z.ZodEnum) {
    const names = keys.options.map(String);
    const whole = Object.fromEntries(names.map((name) => [name, value]));
    const isWhole = schema.safeParse({}).success === false;
    return fc.record(whole, { requiredKeys: isWhole ? names : [] });
  }
  return fc.dictionary(arbitraryOf(keys) as fc.Arbitrary<string>, value, { maxKeys: 4 });
};

const arrayOf = (schema: z.ZodArray): Any => {
  const item = arbitraryOf(schema.element as z.ZodType);
  const { exactly, least, most } = lengthsOf(schema);
  const minLength = exactly ?? least;
  return fc.array(item, { minLength, maxLength: Math.max(minLength, Math.min(most, ITEMS_MAX)) });
};

/** Lengths that the checks of an array allow. */
const lengthsOf = (schema: z.ZodArray) => {
  const checks = (schema.def.checks ?? []).map(
    (check) => check._zod.def as { length?: number; minimum?: number; maximum?: number },
  );
  return {
    exactly: checks.find(({ length }) => length !== undefined)?.length,
    least: Math.max(0, ...checks.map(({ minimum }) => minimum ?? 0)),
    most: Math.min(
      Number.POSITIVE_INFINITY,
      ...checks.map(({ maximum }) => maximum ?? Number.POSITIVE_INFINITY),
    ),
  };
};

const plain = (schema: z.ZodType): Any => {
  if (schema instanceof z.ZodString || schema instanceof z.ZodStringFormat) return stringOf(schema);
  if (schema instanceof z.ZodNumber) return numberOf(schema);
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodLiteral) return fc.constantFrom(...schema.values);
  if (schema instanceof z.ZodNullable)
    return fc.option(arbitraryOf(schema.unwrap() as z.ZodType), { nil: null });
  if (schema instanceof z.ZodObject) return objectOf(schema);
  if (schema instanceof z.ZodRecord) return recordOf(schema);
  if (schema instanceof z.ZodArray) return arrayOf(schema);
  if (schema instanceof z.ZodTuple)
    return fc.tuple(...schema.def.items.map((item) => arbitraryOf(item as z.ZodType)));
  if (schema instanceof z.ZodUnion)
    return fc.oneof(...schema.options.map((option) => arbitraryOf(option as z.ZodType)));
  throw new BrokenInvariant(`arbitraryOf knows no ${schema.constructor.name}: teach it`);
};

/** Values that the schema accepts. @throws BrokenInvariant when values that look alike are refused again and again */
export const arbitraryOf = (schema: z.ZodType): Any => {
  let refused = 0;
  return plain(schema).filter((value) => {
    const { success } = schema.safeParse(value);
    refused = success ? 0 : refused + 1;
    if (refused > REFUSED_MAX)
      throw new BrokenInvariant(
        `arbitraryOf finds no value of ${schema.constructor.name}: teach it its checks`,
      );
    return success;
  });
};
