/** Which page an address is, and back. Pure. */
import { PAGES, type PageName } from '@nanofleet/protocol';

/** A page with the parts of its address. */
export interface Place {
  readonly page: PageName;
  readonly params: Readonly<Record<string, string>>;
}

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '');

const paramsIn = (pattern: string, path: string): Record<string, string> | null => {
  const wanted = partsOf(pattern);
  const given = partsOf(path);
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const value = given[at] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return null;
  }
  return params;
};

/** The page of an address; null when there is none. */
export const placeOf = (path: string): Place | null => {
  for (const [page, pattern] of Object.entries(PAGES) as [PageName, string][]) {
    const params = paramsIn(pattern, path);
    if (params !== null) return { page, params };
  }
  return null;
};

/** The address of a page. */
export const addressOf = (page: PageName, params: Readonly<Record<string, string>> = {}): string =>
  PAGES[page].replace(/:([a-z]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
