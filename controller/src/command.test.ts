import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCommand } from './command.ts';

describe('the command line', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nanofleet-command-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  const settings = (args: readonly string[], environment = {}) =>
    readCommand(['--dir', join(directory, 'state'), ...args], environment).settings();

  it('without arguments listens on loopback, with the embedded database', async () => {
    expect(await settings([], { HOME: directory })).toMatchObject({
      host: '127.0.0.1',
      httpPort: 7300,
      mqttPort: 7301,
      fleet: 'nanofleet',
      databaseUrl: null,
      certificate: null,
      adminTokenFile: join(directory, 'state', 'admin-token'),
      cacheDirectory: join(directory, '.cache', 'nanofleet'),
    });
    expect((await settings(['--dashboard', directory])).siteDirectory).toBe(directory);
  });

  it('listens elsewhere only with a certificate and its key', async () => {
    expect((await settings(['--host', '0.0.0.0'])).isSecure).toBe(true);
    expect((await settings([])).isSecure).toBe(false);
    expect((await settings(['--tls'])).isSecure).toBe(true);
    const file = join(directory, 'some.pem');
    await writeFile(file, 'pem');
    const given = await settings(['--host', '0.0.0.0', '--cert', file, '--key', file]);
    expect(given.certificate?.cert.toString()).toBe('pem');
    await expect(settings(['--cert', file])).rejects.toMatchObject({ code: 'SETTING_INVALID' });
    await expect(settings(['--cert', 'nowhere', '--key', file])).rejects.toMatchObject({
      code: 'KEY_FILE_INVALID',
    });
  });

  it.each([
    [['--http', '70000']],
    [['--mqtt', 'x']],
    [['--nonsense']],
    [['stray']],
    [['--advertise-mqtt', 'http://host']],
  ])('refuses %j', async (args) => {
    await expect(async () => settings(args)).rejects.toMatchObject({ code: 'SETTING_INVALID' });
  });

  it('refuses a DATABASE_URL that is not PostgreSQL', async () => {
    await expect(settings([], { DATABASE_URL: 'mysql://x' })).rejects.toMatchObject({
      code: 'SETTING_INVALID',
    });
    expect((await settings([], { DATABASE_URL: 'postgres://x' })).databaseUrl).toBe('postgres://x');
  });

  it('reads the provider of the cloud tier from its file, and has none without', async () => {
    expect((await settings([])).provider).toBeNull();
    const path = join(directory, 'provider.json');
    const pricePerMillion = { input: 1, output: 2 };
    const file = { url: 'https://api.example.com/v1', model: 'm', keyFile: 'provider.key', pricePerMillion };
    await writeFile(path, JSON.stringify({ ...file, budgetPerDay: 1 }));
    await writeFile(join(directory, 'provider.key'), 'sk-1\n');
    expect((await settings(['--provider', path])).provider).toMatchObject({ model: 'm', key: 'sk-1' });
    await writeFile(path, JSON.stringify(file));
    await expect(settings(['--provider', path])).rejects.toMatchObject({ code: 'SETTING_INVALID' });
  });

  it('takes public keys in PEM and base64, keeps them for later starts, and refuses private ones', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const pem = join(directory, 'pub.pem');
    const base64 = join(directory, 'pub.txt');
    const secret = join(directory, 'private.pem');
    await writeFile(pem, publicKey.export({ format: 'pem', type: 'spki' }));
    await writeFile(base64, `${raw.toString('base64')}\n`);
    await writeFile(secret, privateKey.export({ format: 'pem', type: 'pkcs8' }));
    const given = await settings(['--publisher-key', pem, '--publisher-key', base64]);
    expect(given.publisherKeys.map((key) => Buffer.from(key).toString('hex'))).toEqual([
      raw.toString('hex'),
      raw.toString('hex'),
    ]);
    expect((await settings([])).publisherKeys).toHaveLength(2);
    await expect(settings(['--publisher-key', secret])).rejects.toThrow('private key');
    await expect(settings(['--publisher-key', join(directory, 'none')])).rejects.toMatchObject({
      code: 'KEY_FILE_INVALID',
    });
  });
});
