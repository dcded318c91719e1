/**
 * Paths into JSON: the part of RFC 9535 that names one value: `$`, `.name`, `['name']`, `[0]`, `[-1]`. Owns reading a
 * path and following it; wildcards, slices and filters give many values and are refused. Pure.
 */

/** Steps from the root: names and indices. */
export type JsonPath = readonly (string | number)[];

const STEP = /\.([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)|\['([^'\\]*)'\]|\["([^"\\]*)"\]|\[(-?\d{1,9})\]/y;

/** The steps of a path; null when it is none of this form. */
export const parseJsonPath = (text: string): JsonPath | null => {
  if (!text.startsWith('$')) return null;
  const steps: (string | number)[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < text.length) {
    const found = STEP.exec(text);
    if (found === null) return null;
    const [, name, single, double, index] = found;
    steps.push(index === undefined ? (name ?? single ?? double ?? '') : Number(index));
  }
  return steps;
};

const child = (value: unknown, step: string | number): unknown => {
  if (typeof step === 'number') return Array.isArray(value) ? value.at(step) : undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined;
};

/** The value at a path; undefined when there is none. */
export const followJsonPath = (value: unknown, path: JsonPath): unknown => path.reduce(child, value);
