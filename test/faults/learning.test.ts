/**
 * Two real agents, the second on WebAssembly, learn what their homes correct, in a round of a real controller: training threads, blobs,
 * updates over the broker. And what a home said stays where it was said.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  examplesAnswerSchema,
  LOCAL_PATHS,
  labelAnswerSchema,
  labelPath,
  lineIdSchema,
} from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { mustEnrol, runAgentCommand, startAgent, type TestAgent, untilConnected } from './parts/agents.ts';
import { signedBundle } from './parts/bundles.ts';
import { CLONE, scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { jsonOf } from './parts/http.ts';
import { keepStandardError } from './parts/quiet.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const LINE = lineIdSchema.parse('intent');
const HOMES = [1, 2];
const ENGINES = ['native', 'wasm'];
const PATIENCE = { timeout: 120_000, interval: 50 };
const spokenSchema = z.object({ text: z.string(), intent: z.string(), home: z.int().optional() });
type Spoken = z.infer<typeof spokenSchema>;

const corpus = (part: 'devices' | 'controller'): Spoken[] =>
  readFileSync(CLONE.corpus(part), 'utf8')
    .trim()
    .split('\n')
    .map((line) => spokenSchema.parse(JSON.parse(line)));

const scratch = scratchDirectory();
const publisher = generateSigningKey();
const said = corpus('devices').filter(({ home }) => HOMES.includes(home ?? 0));
const intents = [...new Set(said.map(({ intent }) => intent))];
let controller: TestController;
let agents: TestAgent[];

const correct = async (agent: TestAgent, { text, intent }: Spoken): Promise<void> => {
  const { id } = await agent.ask(text);
  const answer = await agent.send({ path: labelPath(id), body: { label: intent } });
  expect(labelAnswerSchema.parse(jsonOf(answer))).toMatchObject({ decision: id, label: intent });
};

const examplesOf = async (agent: TestAgent) =>
  examplesAnswerSchema.parse(jsonOf(await agent.send({ path: LOCAL_PATHS.examples })));

beforeAll(async () => {
  keepStandardError();
  controller = await startTestController({ publisher });
  const bundles = join(scratch, 'bundles');
  const bundle = signedBundle({ from: 'household-2', to: join(bundles, 'household-2'), key: publisher });
  await controller.push(bundle);
  await controller.call('makeRollout', { body: { digest: bundle.digest, target: { all: true } } });
  const examples = corpus('controller').map(({ text, intent }) => ({ text, intent }));
  await controller.call('putExamples', { params: { line: LINE }, body: { examples } });
  const directories = HOMES.map((home) => join(scratch, `home-${home}`));
  for (const [at, directory] of directories.entries())
    await mustEnrol({ directory, token: await controller.fleetToken(), name: `home-${HOMES[at]}` });
  agents = await Promise.all(
    directories.map((directory, at) =>
      startAgent(directory, '--bundles', bundles, '--engine', ENGINES[at] ?? ''),
    ),
  );
  await Promise.all(agents.map(untilConnected));
});

describe('homes that correct what no model knows', () => {
  it('answer alike on either engine, and say which one it is', async () => {
    const [native, wasm] = agents;
    for (const { text } of corpus('controller').slice(0, 100)) {
      const [here, there] = [await native?.ask(text), await wasm?.ask(text)];
      expect(there?.label).toBe(here?.label);
      expect(there?.outOfScope).toBeCloseTo(here?.outOfScope ?? Number.NaN, 2);
      expect(there?.confidence).toBeCloseTo(here?.confidence ?? Number.NaN, 2);
    }
    expect((await native?.status())?.engine).toEqual({ name: 'onnxruntime-node', version: '1.30.0' });
    expect((await wasm?.status())?.engine).toEqual({ name: 'onnxruntime-web', version: '1.30.0' });
    expect(wasm?.err()).toContain('onnxruntime-web 1.30.0, WebAssembly');
  });

  it('are told of new intents and take labels for them', async () => {
    for (const name of intents)
      await controller.call('addIntent', { params: { line: LINE }, body: { name } });
    const newest = intents.at(-1) ?? '';
    for (const [at, agent] of agents.entries()) {
      const label = { path: LOCAL_PATHS.examples, body: { text: 'ready?', label: newest } };
      await expect.poll(async () => (await agent.send(label)).status, PATIENCE).toBe(200);
      const own = said.filter(({ home }) => home === HOMES[at]);
      for (const spoken of own) await correct(agent, spoken);
      expect(await examplesOf(agent)).toMatchObject({ total: own.length + 1 });
    }
  });

  it('contribute to a round and answer all the time', async () => {
    const settings = { updatesMin: 2, updatesMax: 2, deadlineS: 120 };
    const { id } = await controller.call('startRound', { body: { line: LINE, settings } });
    const look = () => controller.call('round', { params: { id } });
    let asked = 0;
    let round = await look();
    while (!['candidate', 'failed', 'aborted'].includes(round.status)) {
      const decisions = await Promise.all(agents.map((agent) => agent.ask('what is on my calendar')));
      asked += decisions.filter(({ label }) => label === 'calendar').length;
      round = await look();
    }
    expect(round).toMatchObject({ status: 'candidate', problem: null, counts: { updates: 2, refused: 0 } });
    expect(asked % agents.length).toBe(0);
    expect(asked).toBeGreaterThan(10);
    const { before, after } = round.accuracy ?? { before: null, after: null };
    expect(before?.added).toBe(0);
    expect(after?.added).toBeGreaterThan(0.2);
    expect((before?.old ?? 0) - (after?.old ?? 0)).toBeLessThan(0.02);
    const parameters = intents.length * 289;
    expect(round.updateBytes / agents.length).toBeLessThanOrEqual(1.2 * parameters);
    for (const agent of agents)
      await expect
        .poll(async () => (await agent.status()).learning.lastRound?.state, PATIENCE)
        .toBe('candidate');
  });

  it('say in their commands what was learnt and what left', async () => {
    const [agent] = agents;
    const directory = agent?.directory ?? '';
    const outbound = await runAgentCommand('outbound', '--dir', directory);
    expect(outbound.out).toMatch(/update {2}\d+ bytes {2}no text/);
    const status = await runAgentCommand('status', '--dir', directory);
    expect(status.out).toMatch(/learning +\d+ examples, round [0-9a-f]{8} candidate, accuracy/);
    const wrong = await runAgentCommand('label', '--dir', directory, '--last', 'calender');
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.err).toContain('did you mean: calendar');
    const right = await runAgentCommand('label', '--dir', directory, '--text', 'any plans today', 'calendar');
    expect(right.out).toContain('calendar  noted; 1 example on line intent');
  });

  it('keep what was said where it was said, and forget it when told to', async () => {
    // The first file may hold it; redacted questions lie in the outbox until their deadline.
    const mayHold = ['examples.log', 'outbox'];
    const heldIn = (held: string): string[] =>
      said.map(({ text }) => text).filter((text) => held.includes(text));
    for (const agent of agents) {
      const files = readdirSync(agent.directory, { recursive: true, encoding: 'utf8' })
        .filter((name) => !mayHold.some((part) => name.includes(part)))
        .map((name) => join(agent.directory, name))
        .filter((path) => statSync(path).isFile());
      expect(files.length).toBeGreaterThan(5);
      const held = files.map((path) => readFileSync(path, 'latin1')).join() + agent.err();
      expect(heldIn(held)).toEqual([]);
    }
    expect(heldIn(controller.log())).toEqual([]);
    const [first] = agents;
    if (first === undefined) return;
    const { out } = await runAgentCommand('wipe', '--dir', first.directory);
    expect(out).toMatch(/removed: \d+ examples, 1 residue of updates, \d+ texts of decisions; \d+ bytes/);
    expect(await examplesOf(first)).toEqual({ labels: [], total: 0, bytes: 0, oldestAt: null });
    expect(readFileSync(join(first.directory, 'learning', 'examples.log'))).toHaveLength(0);
  });
});
