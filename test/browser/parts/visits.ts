// What somebody does with the page before a test looks at it: come in, wait until everything is there.
import type { Page } from 'playwright-core';

const PATIENCE = { timeout: 30_000 };

/** Waits until no part is loading any more. */
export const settled = async (page: Page): Promise<void> => {
  await page.waitForSelector('.page h1', PATIENCE);
  // A selector, not a function: the page's policy lets nobody turn text into code.
  await page.waitForSelector('.bone', { ...PATIENCE, state: 'detached' });
};

/** Signs in at the door with a token. */
export const signIn = async (page: Page, url: string, token: string): Promise<void> => {
  await page.goto(url);
  await page.fill('#token', token);
  await page.click('button[type=submit]');
  await settled(page);
};
