// Behaviour of the command: exit codes, where output goes, what errors say, against a real HTTP server that plays the controller.
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  encodeManifest,
  type ManifestDraft,
  NanofleetError,
  problemOf,
  WIRE_FORM,
} from '@nanofleet/protocol';
import { decodeFleetToken, sha256Of } from '@nanofleet/protocol/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from './program.ts';
import type { World } from './world.ts';

type Answer = { status?: number; body: unknown };
interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Buffer;
}

const ID = '0193a0c0-0000-7000-8000-000000000001';
const KEY = 'c'.repeat(64);
const whoami = {
  name: 'root',
  role: 'admin',
  fleet: 'home',
  controllerVersion: '0.1.0',
  controllerKeyId: KEY,
  publisherKeyIds: [KEY],
  deviceUrl: 'http://127.0.0.1:1',
};

const noMetadata = {
  fleet: 'home',
  roles: [],
  targets: 0,
  devices: { following: 0, behind: 0, names: [] },
  controllerKeys: [Buffer.alloc(32, 1).toString('base64')],
};

let directory = '';
let server: Server;
let url = '';
let answers: Record<string, Answer | Answer[]> = {};
let seen: Seen[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-cli-'));
  await writeFile(join(directory, 'admin-token'), 'nfo_secret\n', { mode: 0o600 });
  answers = { 'GET /api/whoami': { body: whoami }, 'GET /api/trust': { body: noMetadata } };
  seen = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = (request.url ?? '').split('?')[0] ?? '';
      const { method = '' } = request;
      seen.push({ method, path, authorization: request.headers.authorization, body: Buffer.concat(chunks) });
      const found = answers[`${method} ${path}`];
      const answer = Array.isArray(found) ? (found.length > 1 ? found.shift() : found[0]) : found;
      response.writeHead(answer?.status ?? (answer === undefined ? 404 : 200));
      response.end(JSON.stringify(answer?.body ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true, force: true });
});

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const world: World = {
    env: {},
    home: directory,
    stdout: { write: (text) => void (out += text), isTTY: false, columns: 80 },
    stderr: { write: (text) => void (err += text), isTTY: false, columns: 80 },
    now: () => 0,
    run: () => Promise.resolve(null),
    sleep: () => Promise.resolve(),
    deadline: () => new AbortController().signal,
  };
  const code = await runProgram(world, argv);
  return { code, out, err };
}

const login = () => run('login', url, '--token-file', join(directory, 'admin-token'));
const modeOf = async (name: string): Promise<number> =>
  (await stat(join(directory, '.config/nanofleet', name))).mode & 0o777;

describe('tasks beside a controller', () => {
  it('are named in the help, and refused where there is no controller', async () => {
    expect((await run()).out).toContain('backup create|verify|restore|key FILE');
    const { code, err } = await run('backup', 'verify', 'x.backup');
    expect([code, err.includes('run this where the controller is installed')]).toEqual([1, true]);
  });
});

describe('login', () => {
  it('keeps address and token in files that only their owner may read', async () => {
    const { code, out } = await login();
    expect(code).toBe(0);
    expect(out).toContain('fleet home');
    expect(out).not.toContain('nfo_secret');
    expect(await modeOf('token')).toBe(0o600);
    expect(await modeOf('.')).toBe(0o700);
    expect(seen[0]?.authorization).toBe('Bearer nfo_secret');
  });

  it('keeps nothing when the controller refuses the token', async () => {
    const refusal = new NanofleetError('TOKEN_INVALID', 'The token is not known.');
    answers['GET /api/whoami'] = { status: 401, body: problemOf(refusal) };
    const { code, err } = await login();
    expect(code).toBe(1);
    expect(err).toContain('TOKEN_INVALID');
    await expect(modeOf('token')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('never sends a token in the clear to another host', async () => {
    const { code, err } = await run(
      'login',
      'http://fleet.example.org',
      '--token-file',
      join(directory, 'admin-token'),
    );
    expect(code).toBe(1);
    expect(err).toContain('URL_NOT_PRIVATE');
  });

  it('refuses a token file that others may read', async () => {
    await chmod(join(directory, 'admin-token'), 0o644);
    expect((await login()).err).toContain('KEY_FILE_INVALID');
    expect(seen).toEqual([]);
  });
});

describe('errors', () => {
  it('name the code, what was tried and the next command', async () => {
    const { code, err } = await run('devices', 'ls');
    expect(code).toBe(1);
    expect(err).toMatch(/NOT_LOGGED_IN/);
    expect(err).toMatch(/tried {2}nanofleet devices ls/);
    expect(err).toMatch(/next {3}nanofleet login URL --token-file FILE/);
  });

  it('are one JSON document on stderr with --json, and stdout stays empty', async () => {
    const { out, err } = await run('devices', 'ls', '--json');
    expect(out).toBe('');
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'NOT_LOGGED_IN' } });
  });

  it('say that a controller does not answer', async () => {
    await login();
    await new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    const { code, err } = await run('devices', 'ls');
    expect(code).toBe(1);
    expect(err).toContain('CONTROLLER_UNREACHABLE');
  });

  it('say so, too, when a proxy accepts and closes because the controller is away', async () => {
    await login();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const proxy = createTcpServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => proxy.listen(Number(new URL(url).port), '127.0.0.1', resolve));
    const { code, err } = await run('devices', 'ls');
    proxy.close();
    expect(code).toBe(1);
    expect(err).toContain('CONTROLLER_UNREACHABLE');
  });

  it.each([
    [['launch']],
    [['devices', 'sow']],
    [['devices', 'ls', 'extra']],
    [['devices', 'ls', '--unknown']],
    [['tokens', 'new', 'ann', '--role', 'king']],
    [['models', 'push', 'dir', '--all', '--group', 'homes']],
    [['models', 'push', 'dir', '--to', 'moon']],
    [[]],
  ])('end wrong usage %j with exit code 2', async (argv) => {
    expect((await run(...argv)).code).toBe(2);
  });

  it('are none for help', async () => {
    for (const argv of [['--help'], ['models', 'push', '--help']]) {
      const { code, out } = await run(...argv);
      expect(code).toBe(0);
      expect(out).toContain('nanofleet models push DIR');
    }
  });
});

describe('fleet-tokens new', () => {
  it('prints a token that pins the key of the profile and that of the controller', async () => {
    await login();
    await run('keys', 'new');
    const { fingerprint } = JSON.parse((await run('keys', 'ls', '--json')).out.slice(1, -2)) as {
      fingerprint: string;
    };
    const made = { id: ID, name: 'homes', group: 'homes', usesLeft: 4, expiresAt: 5, createdAt: 1 };
    answers['POST /api/fleet-tokens'] = { body: { ...made, secret: 's'.repeat(32) } };
    const { code, out } = await run('fleet-tokens', 'new', 'homes', '--group', 'homes', '--uses', '4');
    expect(code).toBe(0);
    expect(decodeFleetToken(out)).toMatchObject({ publisher: fingerprint, controller: KEY, fleet: 'home' });
  });
});

describe('cloud', () => {
  const day = { day: '2026-11-25', spentMicros: 1_250_000, reservedMicros: 250_000, calls: 3 };

  it('status shows the money of the day and why the provider is left alone', async () => {
    await login();
    const times = { opensAt: 1_795_000_000_000, lastSuccessAt: null, lastFailureAt: 1 };
    const money = { currency: 'USD', inputMicros: 1, outputMicros: 1, budgetMicros: 5_000_000 };
    const health = { circuit: 'open', inWork: 2, deadlineMs: 1, lastFailureCode: 'PROVIDER_BUSY' };
    const provider = { target: 'api.example.com', model: 'gpt', ...times, ...money, ...health };
    answers['GET /api/cloud'] = { body: { provider, today: day, days: [] } };
    const { code, out } = await run('cloud', 'status');
    expect(code).toBe(0);
    expect(out).toMatch(
      /^gpt at api\.example\.com is left alone until 20\d\d-.* after PROVIDER_BUSY; 2 questions in work\./,
    );
    expect(out).toContain('1.2500 of 5.0000 USD spent in 3 calls, 0.2500 reserved, 3.5000 left.');
    answers['GET /api/cloud'] = { body: { provider: null, today: day, days: [day] } };
    expect((await run('cloud', 'status')).out).toContain('--provider FILE');
  });

  it('calls and proposals show their rows; a limit that is no number is wrong usage', async () => {
    await login();
    const who = { id: ID, at: 1, device: 'home-1', decision: ID, attempt: 2, target: 't', model: 'gpt' };
    const how = {
      state: 'failed',
      status: 503,
      code: 'PROVIDER_FAILED',
      milliseconds: 12.4,
      firstMilliseconds: null,
    };
    const what = { inputTokens: 90, outputTokens: 7, isEstimated: true, reservedMicros: 9, costMicros: 104 };
    const row = { ...who, ...how, ...what, requestHash: 'h', redacted: {} };
    answers['GET /api/cloud/calls'] = { body: { items: [row] } };
    expect((await run('cloud', 'calls', '--device', 'home-1')).out).toMatch(
      /home-1.*PROVIDER_FAILED +503 +12 +~90\+7 +0\.0001/,
    );
    expect((await run('cloud', 'calls', '--limit', 'all')).code).toBe(2);
    const proposal = { line: 'intent', name: 'water_plants', count: 4, firstAt: 1, lastAt: 2 };
    answers['GET /api/cloud/proposals'] = { body: { items: [proposal] } };
    expect((await run('cloud', 'proposals')).out).toMatch(/intent +water_plants +4 /);
  });
});

describe('keys new', () => {
  it('never overwrites a key', async () => {
    expect((await run('keys', 'new')).code).toBe(0);
    const before = await readFile(join(directory, '.config/nanofleet/publisher.key'), 'utf8');
    const again = await run('keys', 'new');
    expect(again.code).toBe(1);
    expect(again.err).toContain('KEY_FILE_INVALID');
    expect(await readFile(join(directory, '.config/nanofleet/publisher.key'), 'utf8')).toBe(before);
    expect(await modeOf('publisher.key')).toBe(0o600);
  });
});

const graph = 'graph bytes';
const golden = '{}';
const manifestBytes = encodeManifest({
  format: 1,
  line: 'intent',
  version: '1.0.0',
  releaseCounter: 1,
  needs: { runtimeVersion: 1, rssBytes: 0 },
  files: [
    { role: 'infer.int8', name: 'graph.onnx', sha256: sha256Of(graph), bytes: graph.length },
    { role: 'golden', name: 'golden.json', sha256: sha256Of(golden), bytes: golden.length },
  ],
  inputs: [{ name: 'rows', shape: [null], type: 'int32', unit: 'row' }],
  labels: { version: 1, names: ['on', 'off'] },
  task: 'text-intent',
  text: {
    kind: 'hashed-ngrams-1',
    buckets: 64,
    charMin: 2,
    charMax: 4,
    wordBigrams: true,
    lowerCase: true,
    rowsMax: 64,
  },
  calibration: { temperature: 1, outOfScope: { kind: 'max-logit', scale: -1, bias: 0 } },
  thresholds: { confidence: [0.5, 0.5], outOfScope: 0.5 },
  trainable: [],
  quantization: [],
  golden: { tolerance: 0.01 },
  quality: [],
  cost: { bytes: 21, microseconds: 1, rssBytes: 0 },
  license: 'Apache-2.0',
  attribution: [],
  parent: null,
});
const digest = sha256Of(manifestBytes);
const model = {
  digest,
  line: 'intent',
  task: 'text-intent',
  version: '1.0.0',
  releaseCounter: 1,
  bytes: 21,
  parent: null,
  keyId: KEY,
  uploadedAt: 1,
  quality: [],
};
const rollout = (running: number, pending: number) => ({
  id: ID,
  line: 'intent',
  digest,
  version: '1.0.0',
  target: { all: true },
  createdAt: 1,
  status: pending > 0 ? 'running' : 'done',
  course: null,
  counts: { total: 2, running, pending, refused: 0, offline: 0 },
  devices: [],
});

describe('models', () => {
  beforeEach(async () => {
    await writeFile(join(directory, 'manifest.json'), manifestBytes);
    await writeFile(join(directory, 'graph.onnx'), graph);
    await writeFile(join(directory, 'golden.json'), golden);
    await login();
    await run('keys', 'new');
    seen = [];
    answers['GET /api/models'] = { body: { items: [] } };
    answers['POST /api/models'] = { body: model };
    for (const content of [graph, golden])
      answers[`PUT /api/blobs/${sha256Of(content)}`] = { body: { bytes: content.length } };
  });

  it('sign refuses a bundle whose file does not fit its manifest', async () => {
    await writeFile(join(directory, 'graph.onnx'), 'other bytes');
    const { code, err } = await run('models', 'sign', directory);
    expect(code).toBe(1);
    expect(err).toContain('DIGEST_MISMATCH');
  });

  it('push uploads every file, registers the exact manifest bytes and follows the rollout to its end', async () => {
    answers['POST /api/rollouts'] = { body: rollout(0, 2) };
    answers[`GET /api/rollouts/${ID}`] = [{ body: rollout(1, 1) }, { body: rollout(2, 0) }];
    expect((await run('models', 'sign', directory)).code).toBe(0);
    const { code, out } = await run('models', 'push', directory, '--all', '--watch');
    expect(code).toBe(0);
    expect(out).toContain('2 of 2 run it');
    const registered = seen.find(({ method, path }) => method === 'POST' && path === '/api/models');
    const { manifest } = JSON.parse(String(registered?.body)) as { manifest: string };
    expect(Buffer.from(manifest, 'base64').equals(manifestBytes)).toBe(true);
    const uploads = seen.filter(({ method }) => method === 'PUT').map(({ body }) => String(body));
    expect(uploads).toEqual([graph, golden]);
  });

  it('push uploads a graph in the form in which it travels, where that is there', async () => {
    const wire = 'fewer bytes';
    const stated = JSON.parse(Buffer.from(manifestBytes).toString('utf8')) as ManifestDraft;
    const files = stated.files.map((file) =>
      file.role === 'infer.int8'
        ? {
            ...file,
            wire: { form: WIRE_FORM, name: 'graph.nfw', sha256: sha256Of(wire), bytes: wire.length },
          }
        : file,
    );
    await writeFile(join(directory, 'manifest.json'), encodeManifest({ ...stated, files }));
    answers[`PUT /api/blobs/${sha256Of(wire)}`] = { body: { bytes: wire.length } };
    const uploads = () => seen.filter(({ method }) => method === 'PUT').map(({ body }) => String(body));
    expect((await run('models', 'sign', directory)).code).toBe(0);
    expect((await run('models', 'push', directory)).code).toBe(0);
    expect(uploads()).toEqual([graph, golden]);
    seen = [];
    await writeFile(join(directory, 'graph.nfw'), wire);
    expect((await run('models', 'push', directory)).code).toBe(0);
    expect(uploads()).toEqual([wire, golden]);
  });

  it('show tells the size, and what devices fetch where that is less', async () => {
    const card = { license: 'Apache-2.0', attribution: [], labels: { version: 1, names: ['on', 'off'] } };
    const cost = { bytes: 21, microseconds: 1, rssBytes: 0 };
    const shown = { ...model, lineage: [], missing: [], signature: '' };
    const sizeOf = async (travelBytes: number): Promise<string | undefined> => {
      const body = { ...shown, card: { ...card, cost, quality: [], travelBytes } };
      answers[`GET /api/models/${digest}`] = { body };
      const { out } = await run('models', 'show', digest);
      return out.split('\n').find((line) => line.startsWith('size'));
    };
    expect(await sizeOf(21)).toMatch(/^size +21 bytes$/);
    expect(await sizeOf(13)).toMatch(/^size +21 bytes; devices fetch 13 bytes$/);
  });

  it('push of an unsigned bundle sends nothing and says how to sign it', async () => {
    const { code, err } = await run('models', 'push', directory, '--all');
    expect(code).toBe(1);
    expect(err).toContain('SIGNATURE_MISSING');
    expect(err).toContain('nanofleet models sign DIR');
    expect(seen.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  it('push uploads no file again that belongs to a registered bundle', async () => {
    answers['GET /api/models'] = { body: { items: [model] } };
    answers['POST /api/rollouts'] = { body: rollout(2, 0) };
    await run('models', 'sign', directory);
    expect((await run('models', 'push', directory, '--all', '--json')).code).toBe(0);
    expect(seen.filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  it('rollout status --watch ends with 1 when a device refuses', async () => {
    const refused = { ...rollout(1, 0), status: 'refused', counts: { ...rollout(1, 0).counts, refused: 1 } };
    answers[`GET /api/rollouts/${ID}`] = { body: refused };
    expect((await run('rollout', 'status', ID)).code).toBe(0);
    expect((await run('rollout', 'status', ID, '--watch')).code).toBe(1);
  });
});
