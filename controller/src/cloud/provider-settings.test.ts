import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readProvider } from './provider-settings.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-provider-'));
  await writeFile(join(directory, 'key'), 'sk-secret\n');
  await writeFile(join(directory, 'two-lines'), 'one\ntwo\n');
});
afterAll(() => rm(directory, { recursive: true }));

const file = {
  url: 'https://api.example.com/v1',
  model: 'gpt-4o-mini',
  keyFile: 'key',
  pricePerMillion: { input: 0.15, output: 0.6 },
  budgetPerDay: 5,
};

const read = async (change: object = {}) => {
  const path = join(directory, 'provider.json');
  await writeFile(path, JSON.stringify({ ...file, ...change }));
  return readProvider(path);
};

describe('a provider file', () => {
  it('gives prices and budget in millionths, the key of its own file, and times that nobody stated', async () => {
    expect(await read()).toMatchObject({
      key: 'sk-secret',
      pricePerMillion: { input: 150_000, output: 600_000 },
      budgetPerDay: 5_000_000,
      deadlineMs: 20_000,
      attempts: 3,
    });
  });

  it.each(['http://127.0.0.1:8000/v1', 'http://localhost:1', 'http://[::1]:1/v1'])(
    'may name %s without encryption',
    async (url) => {
      expect(await read({ url })).toMatchObject({ url });
    },
  );

  it.each([
    [{ url: 'http://api.example.com/v1' }, 'URL_NOT_PRIVATE'],
    [{ url: 'http://127.0.0.1.example.com' }, 'URL_NOT_PRIVATE'],
    [{ url: 'ftp://127.0.0.1' }, 'URL_NOT_PRIVATE'],
    [{ url: 'https://user:pass@api.example.com/v1' }, 'SETTING_INVALID'],
    [{ url: 'https://api.example.com/v1?key=sk-1' }, 'SETTING_INVALID'],
    [{ url: 'api.example.com' }, 'SETTING_INVALID'],
    [{ key: 'sk-in-the-file' }, 'SETTING_INVALID'],
    [{ budgetPerDay: -1 }, 'SETTING_INVALID'],
    [{ pricePerMillion: { input: 1 } }, 'SETTING_INVALID'],
    [{ keyFile: 'missing' }, 'KEY_FILE_INVALID'],
    [{ keyFile: 'two-lines' }, 'KEY_FILE_INVALID'],
  ])('with %j is refused with %s', async (change, code) => {
    await expect(read(change)).rejects.toMatchObject({ code });
  });

  it('that is no JSON is refused without being quoted', async () => {
    const path = join(directory, 'broken.json');
    await writeFile(path, '{"key": sk-secret');
    const failure = await readProvider(path).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: 'SETTING_INVALID' });
    expect(String(failure)).not.toContain('sk-secret');
  });
});
