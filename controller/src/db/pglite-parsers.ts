/** How rows of PGlite become values: times and dates stay text, as drizzle expects of its driver. */
import { types } from '@electric-sql/pglite';

const asText = (value: string): string => value;

/** Parsers by type of column. */
export const PARSERS = {
  [types.TIMESTAMP]: asText,
  [types.TIMESTAMPTZ]: asText,
  [types.INTERVAL]: asText,
  [types.DATE]: asText,
};
