// Debian's Chromium under playwright-core: where it is, how it is started, and axe-core inside each page. It never goes
// to another host.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { BrokenInvariant } from '@nanofleet/protocol';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** One rule that a page breaks. */
export interface AxeViolation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** Path of the browser; null when there is none. With NANOFLEET_REQUIRE=all there must be one. */
export const chromiumPath = (environment = process.env): string | null => {
  const found = PATHS.find((path) => existsSync(path)) ?? null;
  if (found === null && environment['NANOFLEET_REQUIRE'] === 'all') {
    throw new BrokenInvariant(`NANOFLEET_REQUIRE=all needs a Chromium at one of ${PATHS.join(', ')}`);
  }
  return found;
};

/** Starts it. */
export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath() ?? '', args: FLAGS });

/** A browser of somebody's own, with axe-core in each of its pages; past the page's policy, which allows no such thing. */
export const contextOf = async (
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> => {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  await context.addInitScript(AXE);
  return context;
};

/** What axe-core finds wrong, one line per element. */
export const violationsOf = async (page: Page): Promise<string[]> => {
  const found = await page.evaluate<readonly AxeViolation[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)`,
  );
  return found.flatMap(({ help, id, nodes }) =>
    nodes.map(
      ({ failureSummary = '', html }) =>
        `${id}: ${help}: ${html.slice(0, 160)} ${failureSummary.split('\n')[1] ?? ''}`,
    ),
  );
};
