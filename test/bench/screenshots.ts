// Takes the pictures of docs/screenshots: a real start, its whole story played, then each main page in Chromium; and one that
// shows how a bad release was stopped. It prints
// what it took and how many bytes that is; figures of speed it has none.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { BrokenInvariant } from '@nanofleet/protocol';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { contextOf, launch } from '../browser/parts/chromium.ts';
import { settled } from '../browser/parts/visits.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '3' }, out: { type: 'string' } },
});
const OUT = values.out ?? join(ROOT, 'docs', 'screenshots');
const WIDE = { width: 1280, height: 820 };
const PHONE = { width: 360, height: 740 };

/** One picture: which page, how wide, in which theme. */
interface Shot {
  readonly file: string;
  readonly path: string;
  readonly look: BrowserContextOptions;
}

const light: BrowserContextOptions = { viewport: WIDE, colorScheme: 'light' };
const dark: BrowserContextOptions = { viewport: WIDE, colorScheme: 'dark' };
/** A page of which more than the head counts. */
const tall: BrowserContextOptions = { viewport: { width: 1280, height: 1240 }, colorScheme: 'light' };
const phone: BrowserContextOptions = { viewport: PHONE, colorScheme: 'dark' };

/** A start whose story has been played; `link` signs one browser in. */
interface Started {
  readonly link: string;
  end(): Promise<void>;
}

const startFleet = async (directory: string, ...more: readonly string[]): Promise<Started> => {
  const ports = ['--port', '7520', '--mqtt-port', '7521'];
  const args = [join(ROOT, 'scripts', 'start.mjs'), '--dir', directory, ...ports, ...more];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async (): Promise<void> => {
    child.kill('SIGTERM');
    await gone;
  };
  for await (const line of createInterface(child.stdout)) {
    console.log(line);
    const link = /http:\/\/127\.0\.0\.1:\d+\/#code=[\w-]+/.exec(line)?.[0];
    if (link !== undefined) return { link, end };
  }
  throw new BrokenInvariant('the start prints a link to its dashboard');
};

/** The address that a link of a page leads to, or null. */
const addressIn = (page: Page, selector: string): Promise<string | null> =>
  page.getAttribute(selector, 'href', { timeout: 5_000 }).catch(() => null);

const shotsOf = async (page: Page, origin: string): Promise<Shot[]> => {
  const found: Record<string, string | null> = {};
  for (const [name, path, selector] of [
    ['model', '/models', '.lineage a[href^="/models/"] >> nth=1'],
    ['round', '/rounds', 'table a[href^="/rounds/"]'],
  ] as const) {
    await page.goto(`${origin}${path}`);
    await settled(page);
    found[name] = await addressIn(page, selector);
  }
  const one = (file: string, path: string | null | undefined, look: BrowserContextOptions): Shot[] =>
    typeof path === 'string' ? [{ file, path, look }] : [];
  return [
    ...one('story-light', '/', light),
    ...one('story-dark', '/', dark),
    ...one('story-phone', '/', phone),
    ...one('fleet-dark', '/fleet', dark),
    ...one('devices-light', '/devices', light),
    ...one('device-dark', '/devices/home-1', dark),
    ...one('device-phone', '/devices/home-1', phone),
    ...one('models-light', '/models', light),
    ...one('model-light', found['model'], light),
    ...one('round-light', found['round'], light),
    ...one('cloud-light', '/cloud', light),
    ...one('reference-dark', '/reference', dark),
  ];
};

const take = async (browser: Browser, shot: Shot, at: { origin: string; state: string }): Promise<number> => {
  const context = await contextOf(browser, { ...shot.look, storageState: at.state });
  const page = await context.newPage();
  await page.goto(`${at.origin}${shot.path}`);
  await settled(page);
  // Decisions arrive a few seconds apart: a picture without any would say that there are none.
  await page.waitForTimeout(6_000);
  const bytes = await page.screenshot({ scale: 'css' });
  writeFileSync(join(OUT, `${shot.file}.png`), bytes);
  await context.close();
  return bytes.length;
};

/** A session of a browser in a fleet, kept in a file; the page that it was opened with. */
const signedIn = async (browser: Browser, link: string) => {
  const context = await contextOf(browser, light);
  const page = await context.newPage();
  await page.goto(link);
  await settled(page);
  return { context, page, origin: new URL(link).origin };
};

const takeAll = async (
  browser: Browser,
  { link }: Started,
  work: { state: string; waitMs: number; shots: (page: Page, origin: string) => Promise<Shot[]> },
): Promise<number[]> => {
  const { context, origin, page } = await signedIn(browser, link);
  await page.waitForTimeout(work.waitMs);
  const shots = await work.shots(page, origin);
  await context.storageState({ path: work.state });
  const sizes: number[] = [];
  for (const shot of shots) sizes.push(await take(browser, shot, { origin, state: work.state }));
  await context.close();
  return sizes;
};

/** The rollout that its gate has stopped, and the one before, which has gone through. */
const stagedShots = async (page: Page, origin: string): Promise<Shot[]> => {
  const shots: Shot[] = [];
  for (const [at, file, look] of [
    [0, 'stopped-light', tall],
    [1, 'rollout-dark', dark],
  ] as const) {
    await page.goto(`${origin}/rollouts`);
    await settled(page);
    const path = await addressIn(page, `table a[href^="/rollouts/"] >> nth=${at}`);
    if (path !== null) shots.push({ file, path, look });
  }
  return shots;
};

async function main(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'nanofleet-screenshots-'));
  const browser = await launch();
  mkdirSync(OUT, { recursive: true });
  const sizes: number[] = [];
  const state = join(scratch, 'session.json');
  try {
    for (const [more, work] of [
      [[], { waitMs: Number(values.minutes) * 60_000, shots: shotsOf }],
      [['--bad-release'], { waitMs: 5_000, shots: stagedShots }],
    ] as const) {
      const fleet = await startFleet(join(scratch, `fleet${sizes.length}`), ...more);
      try {
        sizes.push(...(await takeAll(browser, fleet, { ...work, state })));
      } finally {
        await fleet.end();
      }
    }
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    console.log(JSON.stringify({ bench: 'screenshots', pictures: sizes.length, bytes }));
  } finally {
    await browser.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

await main();
