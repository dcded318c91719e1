// Addresses of pages, both ways.
import { PAGES, type PageName } from '@nanofleet/protocol';
import { expect, it } from 'vitest';
import { addressOf, placeOf } from './match.ts';

it('every page is found by its own address', () => {
  for (const page of Object.keys(PAGES) as PageName[]) {
    const params = { device: 'home-1', digest: 'abc', id: '1' };
    expect(placeOf(addressOf(page, params))?.page).toBe(page);
  }
  expect(placeOf('/devices/home-1')).toEqual({ page: 'device', params: { device: 'home-1' } });
  expect(placeOf('/devices/')).toEqual({ page: 'devices', params: {} });
});

it('a foreign address is no page', () => {
  for (const path of ['/nowhere', '/devices/a/b', '/api']) expect(placeOf(path)).toBeNull();
});
