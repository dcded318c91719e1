/**
 * Finds the part of a schema that a place of a value belongs to, so that a mistake can be explained with what was
 * expected there. Owns the way through zod's kinds; never checks a value.
 */
import { z } from 'zod';

/** Place of a value: keys and indices from the root. */
export type Path = readonly PropertyKey[];

/** Without what only says that a value may be left out or written in another way. */
const bare = (schema: unknown): unknown => {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return bare(schema.unwrap());
  if (schema instanceof z.ZodPipe) return bare(schema.out);
  return schema;
};

const isOption = (option: unknown, discriminator: string, value: unknown): boolean => {
  const kind: unknown = option instanceof z.ZodObject ? option.shape[discriminator] : undefined;
  return (
    kind instanceof z.ZodLiteral &&
    typeof value === 'object' &&
    value !== null &&
    kind.value === Reflect.get(value, discriminator)
  );
};

/** The object schema that a value goes by; of several kinds the one that it names. */
const objectFor = (schema: unknown, value: unknown): unknown => {
  const known = bare(schema);
  if (!(known instanceof z.ZodDiscriminatedUnion)) return known;
  const { discriminator, options } = known.def;
  return options.find((option) => isOption(option, discriminator, value));
};

const childOf = (schema: unknown, value: unknown, key: PropertyKey): unknown => {
  const known = objectFor(schema, value);
  if (known instanceof z.ZodObject) return known.shape[String(key)];
  if (known instanceof z.ZodRecord) return known.valueType;
  if (known instanceof z.ZodArray) return known.element;
  return undefined;
};

/** The value at a place; undefined where there is none. */
export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined),
    value,
  );

/** What a schema says of a place. */
export interface Expected {
  /** Description of the field; null when the schema has no such place. */
  readonly description: string | null;
  /** Keys that may stand at the place; none where it is no object. */
  readonly keys: readonly string[];
}

/** What a schema expects at a place of a value. */
export const expectedAt = (root: z.ZodType, value: unknown, path: Path): Expected => {
  let schema: unknown = root;
  path.forEach((key, depth) => {
    schema = childOf(schema, valueAt(value, path.slice(0, depth)), key);
  });
  const description = schema instanceof z.ZodType ? (schema.description ?? null) : null;
  const known = objectFor(schema, valueAt(value, path));
  return { description, keys: known instanceof z.ZodObject ? Object.keys(known.shape) : [] };
};
