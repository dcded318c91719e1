// What an operator does in the dashboard, and what it shows when things are not as they should be: signing in, changes that
// arrive by themselves, actions that ask first, lost connections, ended sessions, refusals, nothing there yet.
import { publishBundle, TestController, type TestDevice } from '@nanofleet/controller/testing';
import { eventually } from '@nanofleet/runtime/testing';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chromiumPath, contextOf, launch } from './parts/chromium.ts';
import { builtSite, decide } from './parts/populated-fleet.ts';
import { settled, signIn } from './parts/visits.ts';

const PATIENCE = { timeout: 30_000 };
const textOf = (page: Page, selector: string): Promise<string | null> => page.textContent(selector, PATIENCE);

describe.skipIf(chromiumPath() === null)('operating the dashboard', () => {
  let controller: TestController;
  let device: TestDevice;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    const siteDirectory = builtSite();
    [controller, browser] = await Promise.all([
      TestController.start('embedded', {}, { siteDirectory }),
      launch(),
    ]);
    device = await controller.device('porch');
    await device.connect();
    await device.birth();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await controller?.close();
  });
  beforeEach(async () => {
    context = await contextOf(browser, { viewport: { width: 1280, height: 900 } });
    page = await context.newPage();
  });
  afterEach(() => context.close());

  const open = async (path: string, token = controller.adminToken): Promise<void> => {
    await signIn(page, controller.url, token);
    await page.goto(`${controller.url}${path}`);
    await settled(page);
  };

  it('a wrong token is refused at the door, with the code', async () => {
    await page.goto(controller.url);
    await page.fill('#token', 'nfo_wrong');
    await page.click('button[type=submit]');
    expect(await textOf(page, '.problem .code')).toBe('TOKEN_INVALID');
  });

  it('a link signs in once, and leaves no code in the address', async () => {
    const { code } = await controller.call('makeSignInCode');
    await page.goto(`${controller.url}/#code=${code}`);
    await settled(page);
    expect(new URL(page.url()).hash).toBe('');
    const other = await contextOf(browser);
    const second = await other.newPage();
    await second.goto(`${controller.url}/#code=${code}`);
    expect(await textOf(second, '.problem .code')).toBe('SIGN_IN_CODE_INVALID');
    await other.close();
  });

  it('what happens arrives by itself: a device, its decisions', async () => {
    await open('/');
    await controller.device('newcomer');
    await page.waitForSelector('.timeline >> text=newcomer', PATIENCE);
    await decide(device, 1, 'lights_off');
    expect(await textOf(page, '.flow tr:has-text("lights_off")')).toContain('porch');
  });

  it('a lost connection is said, what was there stays, and the page comes back by itself', async () => {
    await open('/devices');
    await page.waitForSelector('[data-state=live]', PATIENCE);
    await context.setOffline(true);
    await controller.halt();
    await page.waitForSelector('.banner', PATIENCE);
    expect(await textOf(page, 'table')).toContain('porch');
    await context.setOffline(false);
  });

  it('a session that ended leads to the door', async () => {
    await controller.run();
    await device.connect({ brokerUrl: controller.brokerUrl });
    await device.birth();
    await open('/devices');
    controller.advance(13 * 3_600_000);
    await page.reload();
    await page.waitForSelector('#token', PATIENCE);
    expect(await textOf(page, '.problem .code')).toBe('TOKEN_INVALID');
  });

  it('whoever may not act is shown no action, and is refused when they try all the same', async () => {
    await open('/devices/porch', await controller.token('viewer'));
    expect(await page.locator('button:has-text("Revoke")').count()).toBe(0);
    const refused = await page.evaluate<number>(
      `fetch('/api/devices/porch/revoke', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', 'x-nanofleet-page': '1' } }).then((response) => response.status)`,
    );
    expect(refused).toBe(403);
  });

  it('a device that does not exist is an error with its code and a way to try again', async () => {
    await open('/devices/nobody');
    expect(await textOf(page, '[role=alert]')).toContain('DEVICE_UNKNOWN');
    expect(await page.locator('button:has-text("Try again")').count()).toBe(1);
  });

  it('what is empty says what would change that, and what is loading says so', async () => {
    await open('/rounds');
    expect(await textOf(page, '.state')).toContain('nanofleet-agent label');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/api/groups', (route) => route.continue());
    await page.route('**/api/rollouts*', (route) => held.then(() => route.continue()));
    await page.click('nav >> text=Rollouts');
    await page.waitForSelector('[role=status][aria-label=Loading]', PATIENCE);
    release();
    await page.waitForSelector('text=Nothing was rolled out yet', PATIENCE);
  });

  it('a rollout begun in the page is followed to the end', async () => {
    const { digest } = await publishBundle(controller, { version: '2.0.0', releaseCounter: 2 });
    await open(`/models/${digest}`);
    await page.click('button:has-text("Roll out")');
    await page.selectOption('dialog select', 'homes');
    await page.click('dialog button[type=submit]');
    await page.waitForURL('**/rollouts/*', PATIENCE);
    await page.waitForSelector('tr:has-text("porch") >> text=pending', PATIENCE);
    const running = { version: '2.0.0', releaseCounter: 2, digest };
    const lines = { intent: { running, step: 'settled' } };
    const body = { ...device.mark, desiredVersion: 9, lines, problems: [] };
    await device.send('reported', body);
    await page.waitForSelector('tr:has-text("porch") >> text=running', PATIENCE);
    expect(await textOf(page, '.stats')).toContain('100 %');
  });

  it('a device is moved, and revoked only by its name', async () => {
    await open('/devices/newcomer');
    await page.click('button:has-text("Move")');
    await page.fill('dialog input', 'attic');
    await page.click('dialog button[type=submit]');
    await eventually(async () => {
      const { group } = await controller.call('device', { params: { device: 'newcomer' } });
      expect(group).toBe('attic');
    });
    await page.click('.tools button:has-text("Revoke")');
    expect(await page.isDisabled('dialog button[type=submit]')).toBe(true);
    await page.fill('dialog input', 'newcomer');
    await page.click('dialog button[type=submit]');
    await page.waitForSelector('.badge:has-text("revoked")', PATIENCE);
  });

  it('everything is reached by keyboard: past the navigation, into a question and out of it', async () => {
    await open('/devices/porch');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toContain('Skip to the page');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.focus('.tools button:has-text("Revoke")');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open]', PATIENCE);
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog:not([open])', { ...PATIENCE, state: 'attached' });
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Revoke');
  });

  it('a theme that was chosen stays, and signing out ends the session', async () => {
    await open('/');
    await page.click('button:has-text("Theme: system")');
    await page.click('button:has-text("Theme: light")');
    await page.reload();
    await settled(page);
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    await page.click('button:has-text("Sign out")');
    await page.waitForSelector('#token', PATIENCE);
    await page.reload();
    await page.waitForSelector('#token', PATIENCE);
  });
});
