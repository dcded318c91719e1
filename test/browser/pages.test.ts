// Every page of the dashboard in Chromium against a real controller with data: in both themes and at phone width no rule
// of axe-core is broken, nothing is cut off, nothing is asked of another host.
import { PAGES, type PageName } from '@nanofleet/protocol';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, contextOf, launch, violationsOf } from './parts/chromium.ts';
import { type PopulatedFleet, populatedFleet } from './parts/populated-fleet.ts';
import { stagedRollout } from './parts/staged-rollout.ts';
import { settled, signIn } from './parts/visits.ts';

const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

describe.skipIf(chromiumPath() === null)('the dashboard', () => {
  let fleet: PopulatedFleet;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const complaints: string[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    [fleet, browser] = await Promise.all([populatedFleet(), launch()]);
    context = await contextOf(browser, { viewport: WIDE });
    page = await context.newPage();
    await signIn(page, fleet.controller.url, fleet.controller.adminToken);
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => asked.push(new URL(request.url()).origin));
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await fleet?.close();
  });

  const addressOf = (name: PageName): string => {
    const params: Record<string, string> = {
      device: fleet.devices[0]?.name ?? '',
      digest: fleet.digests.young,
      id: name === 'round' ? fleet.round : fleet.rollout,
    };
    return PAGES[name].replace(/:([a-z]+)/g, (_, part: string) => params[part] ?? '');
  };

  it.each(Object.keys(PAGES) as PageName[])(
    'the page %s is accessible in both themes and on a phone, and complains of nothing',
    async (name) => {
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize(WIDE);
      await page.goto(`${fleet.controller.url}${addressOf(name)}`);
      await settled(page);
      expect(await violationsOf(page)).toEqual([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await violationsOf(page)).toEqual([]);
      await page.setViewportSize(PHONE);
      await settled(page);
      expect(await violationsOf(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width);
      expect(await page.title()).toContain('nanofleet');
      expect(complaints).toEqual([]);
    },
    60_000,
  );

  it('a rollout in waves shows its waves, its gate over time, what it changes and its story', async () => {
    const id = await stagedRollout(fleet.controller, fleet.digests.old);
    await page.setViewportSize(WIDE);
    await page.goto(`${fleet.controller.url}/rollouts/${id}`);
    await settled(page);
    for (const title of ['Waves', 'Gate', 'Gate over time', 'Devices', 'What it changes', 'Its story'])
      await page.waitForSelector(`section[aria-label="${title}"]`);
    await page.waitForSelector('section[aria-label="What it changes"] table');
    expect(await page.textContent('section[aria-label="What it changes"]')).toContain('1.2.0');
    expect(await page.textContent('section[aria-label="Waves"]')).toContain('1 run it');
    for (const viewport of [WIDE, PHONE]) {
      await page.setViewportSize(viewport);
      await settled(page);
      expect(await violationsOf(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width);
    }
    expect(complaints).toEqual([]);
  }, 120_000);

  it('the door is accessible in both themes and on a phone', async () => {
    const own = await contextOf(browser, { viewport: PHONE });
    const door = await own.newPage();
    await door.goto(fleet.controller.url);
    await door.waitForSelector('#token');
    for (const colorScheme of ['light', 'dark'] as const) {
      await door.emulateMedia({ colorScheme });
      expect(await violationsOf(door)).toEqual([]);
    }
    await own.close();
  });

  it('asked nobody but its controller', () => {
    expect(new Set(asked)).toEqual(new Set([fleet.controller.url]));
  });
});
