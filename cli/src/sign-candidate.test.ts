// Signing a candidate: what is fetched and verified, what stops it, and what is registered, against a server that plays the controller.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeManifest, MANIFEST_FILE, SIGNATURE_FILE } from '@nanofleet/protocol';
import { readSigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import { decodeGolden, encodeGolden, type Golden, grownHead, type Head, headOf } from '@nanofleet/runtime';
import { type Candidate, inspectBundle, loadTextRunner, makeCandidate } from '@nanofleet/runtime/node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from './program.ts';

const SOURCE = fileURLToPath(new URL('../../bundles/household-1/', import.meta.url));
const ROUND = '0193a0c0-0000-7000-8000-000000000001';
const KEY = 'c'.repeat(64);

let directory = '';
let server: Server;
let url = '';
const blobs = new Map<string, Uint8Array>();
let candidate: Candidate;
let worse: Candidate;
let lying: Candidate;
let boasting: Candidate;
let parentSignature = '';
let dataFile = '';
let registered: { manifest: string; signature: string }[] = [];

/** Texts of the bundle's own golden vectors, labelled as the bundle answers them: it is right on all of them. */
const goldenExamples = async () => {
  const bundle = await inspectBundle(SOURCE);
  const runner = await loadTextRunner(bundle);
  const { cases } = JSON.parse(await readFile(join(SOURCE, 'golden.json'), 'utf8')) as {
    cases: { text: string }[];
  };
  const examples = [];
  for (const { text } of cases) examples.push({ text, intent: (await runner.decide(text)).label });
  await runner.release();
  return examples;
};

const made = async (change: (head: Head) => Head): Promise<Candidate> => {
  const parent = await inspectBundle(SOURCE);
  const head = change(grownHead(headOf(parent.files.get('infer.int8') ?? new Uint8Array()), 169));
  const fresh = [
    'dim the lamp to half',
    'make it a little darker',
    'half the light please',
    'darker in here',
  ];
  const examples = [...(await goldenExamples()), ...fresh.map((text) => ({ text, intent: 'dim' }))];
  const labels = { version: 2, added: ['dim'] };
  const release = { version: '1.0.0-round.1', counter: 2 };
  return makeCandidate({ parent, head, labels, examples, release, breathe: () => Promise.resolve() });
};

/** The same candidate with golden vectors that its graph does not give. */
const withOtherGolden = (one: Candidate): Candidate => {
  const { cases, task } = decodeGolden(one.files.get('golden') ?? new Uint8Array(), one.manifest);
  const golden = encodeGolden({
    task,
    cases: cases.map((given) => ({ ...given, logits: given.logits.map(() => 3) })),
  } as Golden);
  const files = one.manifest.files.map((file) =>
    file.role === 'golden' ? { ...file, sha256: sha256Of(golden), bytes: golden.length } : file,
  );
  const manifest = { ...one.manifest, files };
  const manifestBytes = encodeManifest(manifest);
  const digest = sha256Of(manifestBytes);
  return { ...one, manifest, manifestBytes, digest, files: new Map([...one.files, ['golden', golden]]) };
};

/** The same candidate, which keeps everything and states a bound nevertheless. */
const withBoast = (one: Candidate): Candidate => {
  const certifiedWith = { inScopeKept: 1_000, wrong: 0, outOfScope: 100, outOfScopeKept: 0 };
  const bound = { wrongKept: 0.02, outOfScopeKept: 0.2, delta: 0.1, certifiedWith };
  const confidence = one.manifest.thresholds.confidence.map(() => 0);
  const manifest = { ...one.manifest, thresholds: { confidence, outOfScope: 1, bound } };
  const manifestBytes = encodeManifest(manifest);
  return { ...one, manifest, manifestBytes, digest: sha256Of(manifestBytes) };
};

const hold = (one: Candidate): void => {
  blobs.set(one.digest, one.manifestBytes);
  for (const { role, sha256 } of one.manifest.files)
    blobs.set(sha256, one.files.get(role) ?? new Uint8Array());
};

const shown = (one: Candidate) => ({
  digest: one.digest,
  line: 'intent',
  version: one.manifest.version,
  releaseCounter: 2,
  parent: one.manifest.parent,
  round: ROUND,
  bytes: 1,
  createdAt: 1,
  labelsVersion: 2,
  added: ['dim'],
  accuracy: null,
  isReleased: false,
});

const modelOf = (digest: string) => ({
  digest,
  line: 'intent',
  task: 'text-intent',
  version: '1.0.0',
  releaseCounter: 1,
  bytes: 1,
  parent: null,
  keyId: KEY,
  uploadedAt: 1,
  quality: [],
});

const cardOf = ({ manifest: { license, attribution, labels, cost, quality } }: Candidate) => ({
  license,
  attribution,
  labels,
  cost,
  quality,
  travelBytes: cost.bytes,
});

const answerTo = (method: string, path: string, body: string): unknown => {
  const [, , kind = '', digest = ''] = (path.split('?')[0] ?? '').split('/');
  if (kind === 'whoami') {
    const keys = { controllerKeyId: KEY, publisherKeyIds: [KEY], deviceUrl: 'http://127.0.0.1:1' };
    return { name: 'root', role: 'admin', fleet: 'home', controllerVersion: '0.1.0', ...keys };
  }
  if (kind === 'trust') {
    const controllerKeys = [Buffer.alloc(32, 1).toString('base64')];
    return {
      fleet: 'home',
      roles: [],
      targets: 0,
      controllerKeys,
      devices: { following: 0, behind: 0, names: [] },
    };
  }
  if (kind === 'candidates') {
    const all = [candidate, worse, lying, boasting].map(shown);
    const one = all.find((each) => each.digest === digest);
    return digest === '' ? { items: all } : { ...one, files: [] };
  }
  if (kind === 'blobs') {
    const whole = blobs.get(digest) ?? new Uint8Array();
    const from = Number(new URLSearchParams(path.split('?')[1]).get('from') ?? 0);
    const content = Buffer.from(whole.subarray(from, from + 200_000)).toString('base64');
    return { bytes: whole.length, from, content };
  }
  if (method === 'POST') {
    registered.push(JSON.parse(body) as { manifest: string; signature: string });
    return modelOf(candidate.digest);
  }
  return {
    ...modelOf(digest),
    card: cardOf(candidate),
    lineage: [],
    missing: [],
    signature: parentSignature,
  };
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-sign-'));
  candidate = await made((head) => head);
  // The bias of one old label swallows the others.
  worse = await made((head) => ({ ...head, bias: head.bias.map((value, at) => (at === 0 ? 500 : value)) }));
  lying = withOtherGolden(candidate);
  boasting = withBoast(candidate);
  hold(lying);
  hold(boasting);
  hold(candidate);
  hold(worse);
  const parent = await inspectBundle(SOURCE);
  blobs.set(parent.digest, await readFile(join(SOURCE, MANIFEST_FILE)));
  for (const { role, sha256 } of parent.manifest.files)
    blobs.set(sha256, parent.files.get(role) ?? new Uint8Array());
  dataFile = join(directory, 'data.jsonl');
  const lines = (await goldenExamples()).map((example) => JSON.stringify(example));
  await writeFile(dataFile, `${lines.join('\n')}\n`);
  await writeFile(join(directory, 'admin-token'), 'nfo_secret\n', { mode: 0o600 });
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () =>
      response.end(JSON.stringify(answerTo(request.method ?? '', request.url ?? '', body))),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await run('login', url, '--token-file', join(directory, 'admin-token'));
  await run('keys', 'new');
  parentSignature = Buffer.from(
    signManifest(
      await readSigningKey(join(directory, '.config/nanofleet/publisher.key')),
      manifestOf(parent.digest),
    ),
  ).toString('utf8');
});
beforeEach(() => {
  registered = [];
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true, force: true });
});

const manifestOf = (digest: string): Uint8Array => blobs.get(digest) ?? new Uint8Array();

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runProgram(
    {
      env: {},
      home: directory,
      stdout: { write: (text) => void (out += text), isTTY: false, columns: 80 },
      stderr: { write: (text) => void (err += text), isTTY: false, columns: 80 },
      now: () => 0,
      run: () => Promise.resolve(null),
      sleep: () => Promise.resolve(),
      deadline: () => new AbortController().signal,
    },
    argv,
  );
  return { code, out, err };
}

describe('models sign CANDIDATE', () => {
  it('shows the difference to the parent, signs the exact manifest and registers it', async () => {
    const { code, out, err } = await run('models', 'sign', candidate.digest.slice(0, 12), '--data', dataFile);
    expect([code, err.includes('CANDIDATE')]).toEqual([0, false]);
    expect(out).toContain('new: dim');
    expect(out).toContain('0 % of the parent');
    expect(out).toContain('at most 2 % wrong, 20 % of out of scope kept → none promised');
    expect(out).toMatch(/intents that it had +100\.0 % +→ +100\.0 %/);
    expect(out).toContain(`Signed intent 1.0.0-round.1 (release 2): ${candidate.digest}`);
    const [sent] = registered;
    expect(sha256Of(Buffer.from(sent?.manifest ?? '', 'base64'))).toBe(candidate.digest);
    const kept = join(directory, '.config/nanofleet/candidates', candidate.digest, SIGNATURE_FILE);
    expect(await readFile(kept, 'utf8')).toBe(sent?.signature);
  });

  it('does not sign one that lost old intents, unless it is told to', async () => {
    const { code, err } = await run('models', 'sign', worse.digest, '--data', dataFile);
    expect(code).toBe(1);
    expect(err).toContain('CANDIDATE_REGRESSED');
    expect(registered).toEqual([]);
    expect((await run('models', 'sign', worse.digest, '--data', dataFile, '--force')).code).toBe(0);
    expect(registered).toHaveLength(1);
  });

  it('does not sign one whose bound is contradicted by texts of the publisher, unless it is told to', async () => {
    const foreign = join(directory, 'foreign.jsonl');
    const oos = Array.from({ length: 20 }, (_, at) =>
      JSON.stringify({ text: `moon number ${at}`, intent: 'oos' }),
    );
    await writeFile(foreign, `${await readFile(dataFile, 'utf8')}${oos.join('\n')}\n`);
    const { code, err, out } = await run('models', 'sign', boasting.digest, '--data', foreign);
    expect([code, err.includes('CANDIDATE_BOUND_BROKEN')]).toEqual([1, true]);
    expect(out).toMatch(
      /kept → at most 2 % wrong, 20 % of out of scope kept; on your data 0 of \d+ wrong, 20 of 20 kept/,
    );
    expect(registered).toEqual([]);
    expect((await run('models', 'sign', boasting.digest, '--data', foreign, '--force')).code).toBe(0);
    expect((await run('models', 'sign', boasting.digest, '--data', dataFile)).code).toBe(0);
  });

  it('does not sign one that does not reproduce its golden vectors', async () => {
    const { code, err } = await run('models', 'sign', lying.digest, '--data', dataFile, '--force');
    expect([code, err.includes('GOLDEN_MISMATCH')]).toEqual([1, true]);
    expect(registered).toEqual([]);
  });

  it('does not take other bytes for a candidate', async () => {
    const graph = candidate.manifest.files.find(({ role }) => role === 'infer.int8')?.sha256 ?? '';
    const right = blobs.get(graph) ?? new Uint8Array();
    blobs.set(graph, blobs.get(worse.manifest.files[0]?.sha256 ?? '') ?? new Uint8Array());
    const swapped = await run('models', 'sign', candidate.digest, '--data', dataFile);
    blobs.set(graph, right);
    expect([swapped.code, swapped.err.includes('DIGEST_MISMATCH')]).toEqual([1, true]);
    expect(registered).toEqual([]);
  });

  it('does not judge beside a parent that another key signed', async () => {
    const right = parentSignature;
    parentSignature = parentSignature.replace(/"keyId":"[0-9a-f]{4}/, '"keyId":"0000');
    const { code, err } = await run('models', 'sign', candidate.digest, '--data', dataFile);
    parentSignature = right;
    expect([code, err.includes('SIGNATURE')]).toEqual([1, true]);
    expect(registered).toEqual([]);
  });

  it('says which line of the data is wrong', async () => {
    const broken = join(directory, 'broken.jsonl');
    await writeFile(broken, '{"text":"light on","intent":"weather"}\n{"text":"light on"}\n');
    const { code, err } = await run('models', 'sign', candidate.digest, '--data', broken);
    expect([code, err.includes('line 2')]).toEqual([1, true]);
  });
});
