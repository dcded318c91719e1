// Takes the pictures of docs/screenshots: a real start, its whole story played, then each main page in Chromium. It prints
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
const phone: BrowserContextOptions = { viewport: PHONE, colorScheme: 'dark' };

/** A start whose story has been played; `link` signs one browser in. */
interface Started {
  readonly link: string;
  end(): Promise<void>;
}

const startFleet = async (directory: string): Promise<Started> => {
  const args = [
    join(ROOT, 'scripts', 'start.mjs'),
    '--dir',
    directory,
    '--port',
    '7520',
    '--mqtt-port',
    '7521',
  ];
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
    ['rollout', '/rollouts', 'table a[href^="/rollouts/"]'],
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
    ...one('rollout-dark', found['rollout'], dark),
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

async function main(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'nanofleet-screenshots-'));
  const fleet = await startFleet(join(scratch, 'fleet'));
  const browser = await launch();
  try {
    const { origin } = new URL(fleet.link);
    const context = await contextOf(browser, light);
    const page = await context.newPage();
    await page.goto(fleet.link);
    await settled(page);
    await page.waitForTimeout(Number(values.minutes) * 60_000);
    const state = join(scratch, 'session.json');
    const shots = await shotsOf(page, origin);
    await context.storageState({ path: state });
    mkdirSync(OUT, { recursive: true });
    let bytes = 0;
    for (const shot of shots) bytes += await take(browser, shot, { origin, state });
    console.log(JSON.stringify({ bench: 'screenshots', pictures: shots.length, bytes }));
  } finally {
    await browser.close();
    await fleet.end();
    rmSync(scratch, { recursive: true, force: true });
  }
}

await main();
