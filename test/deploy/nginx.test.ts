// nginx with the configuration that deploy/ ships, before a real controller over TLS: pages, the API and the stream of
// changes come through, probes, figures and what is for devices do not.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@nanofleet/controller/testing';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { atEnd } from '../endings.ts';
import { TlsFleet } from '../faults/parts/tls-fleet.ts';

vi.setConfig({ hookTimeout: 240_000 });

const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find(existsSync);
const OPENSSL = ['/usr/bin/openssl', '/usr/local/bin/openssl'].find(existsSync);
const SHIPPED = fileURLToPath(new URL('../../deploy/nginx/nanofleet.conf', import.meta.url));

describe.runIf(NGINX && OPENSSL)('nginx before a controller', () => {
  const fleet = new TlsFleet();
  let port = 0;
  let token = '';

  const ask = async (path: string): Promise<IncomingMessage> => {
    const headers = { authorization: `Bearer ${token}` };
    const options = {
      host: '127.0.0.1',
      port,
      path,
      headers,
      ca: readFileSync(join(fleet.scratch, 'front.pem')),
      servername: 'localhost',
    };
    return new Promise((resolve, reject) => {
      request(options, resolve).on('error', reject).end();
    });
  };
  const statusOf = async (path: string): Promise<number> => {
    const response = await ask(path);
    response.resume();
    return response.statusCode ?? 0;
  };

  beforeAll(async () => {
    await fleet.run();
    token = readFileSync(join(fleet.controller.directory, 'admin-token'), 'utf8').trim();
    port = await freePort();
    const child = startNginx(fleet, port);
    atEnd(async () => {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    });
    await eventually(async () => expect(await statusOf('/api/whoami')).toBe(200));
  });

  it('lets operators through to the API and the pages', async () => {
    expect(await statusOf('/api/fleet')).toBe(200);
    expect([200, 503]).toContain(await statusOf('/'));
  });

  it('passes the stream of changes on as it comes', async () => {
    const stream = await ask('/api/live');
    expect([stream.statusCode, stream.headers['content-type']]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    const first = await new Promise<string>((resolve) =>
      stream.once('data', (bytes: Buffer) => resolve(bytes.toString())),
    );
    expect(first).toContain('retry:');
    stream.destroy();
  });

  it('keeps probes, figures and what is for devices inside', async () => {
    for (const path of ['/metrics', '/readyz', '/device/enrol', '/device/nonce']) {
      expect([path, await statusOf(path)]).toEqual([path, 404]);
    }
  });
});

/** The shipped file with its words put in, in a frame that a test can run as anybody. */
const startNginx = (fleet: TlsFleet, port: number): ChildProcess => {
  const directory = join(fleet.scratch, 'nginx');
  mkdirSync(directory, { recursive: true });
  const { directory: state, running } = fleet.controller;
  const words: Readonly<Record<string, string>> = {
    CONTROLLER: `127.0.0.1:${running.httpPort}`,
    LISTEN: `127.0.0.1:${port}`,
    NAME: 'localhost',
    ...pairFor(fleet),
    AUTHORITY: join(state, 'ca.pem'),
    SCHEME: 'https',
  };
  const shipped = readFileSync(SHIPPED, 'utf8').replace(
    /@([A-Z]+)@/g,
    (_, name: string) => words[name] ?? '',
  );
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${directory}/${kind};`)
    .join(' ');
  const file = join(directory, 'nginx.conf');
  const frame = `daemon off; pid ${directory}/pid; error_log stderr; ${process.getuid?.() === 0 ? 'user root;' : ''}`;
  writeFileSync(file, `${frame} events {} http { access_log off; ${temporary}\n${shipped}\n}`);
  return spawn(NGINX ?? '', ['-p', directory, '-e', 'stderr', '-c', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
};

/** A certificate as a browser's authority would have given one. */
const pairFor = (fleet: TlsFleet): Record<string, string> => {
  const [CERTIFICATE, KEY] = [join(fleet.scratch, 'front.pem'), join(fleet.scratch, 'front.key')];
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '30',
  ];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const { status } = spawnSync(OPENSSL ?? '', [...args, ...names, '-keyout', KEY, '-out', CERTIFICATE]);
  expect(status).toBe(0);
  return { CERTIFICATE, KEY };
};
