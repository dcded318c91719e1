/**
 * Models that were trained elsewhere, from their files to a device's answer: imported and signed by the commands, pushed and rolled out by a
 * real controller, run by a real agent process. And what such lines refuse: labels and rounds.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { forge } from '@nanofleet/forge';
import { writePumpClassifier, writeTextClassifier } from '@nanofleet/forge/testing';
import {
  LOCAL_PATHS,
  labelPath,
  lineIdSchema,
  MANIFEST_FILE,
  parseManifest,
  SIGNATURE_FILE,
} from '@nanofleet/protocol';
import { generateSigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { mustEnrol, startAgent, type TestAgent, untilConnected } from './parts/agents.ts';
import type { TestBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { jsonOf } from './parts/http.ts';
import { keepStandardError } from './parts/quiet.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

const TEXTS = lineIdSchema.parse('said');
const PUMP = lineIdSchema.parse('pump');
const scratch = scratchDirectory();
const publisher = generateSigningKey();
let controller: TestController;
let agent: TestAgent;

const at = (name: string): string => join(scratch, name);

/** Imports by the command and signs what came of it. */
const importedBundle = async (line: string, ...args: string[]): Promise<TestBundle> => {
  const notes: string[] = [];
  const to = at(`bundle-${line}`);
  const code = await forge(['import', ...args, '--line', line, '--license', 'MIT', '--out', to], {
    out: () => undefined,
    note: (text) => notes.push(text),
    redraw: () => undefined,
    isTerminal: false,
    nowMs: () => performance.now(),
  });
  expect({ code, notes }).toEqual({ code: 0, notes: [] });
  const manifest = readFileSync(join(to, MANIFEST_FILE));
  writeFileSync(join(to, SIGNATURE_FILE), signManifest(publisher, manifest));
  return {
    directory: to,
    digest: sha256Of(manifest),
    manifest: parseManifest(manifest),
    read: (name) => readFileSync(join(to, name)),
  };
};

beforeAll(async () => {
  keepStandardError();
  await Promise.all([writeTextClassifier(scratch), writePumpClassifier(scratch)]);
  controller = await startTestController({ publisher });
  const texts = ['--tokenizer', at('tokenizer.json'), '--validation', at('texts.tsv')];
  const bundles = [
    await importedBundle(TEXTS, at('texts.onnx'), ...texts, '--labels', at('labels.txt')),
    await importedBundle(PUMP, at('pump.onnx'), '--validation', at('pump.csv'), '--events', 'worn'),
  ];
  for (const bundle of bundles) {
    await controller.push(bundle);
    await controller.call('makeRollout', { body: { digest: bundle.digest, target: { all: true } } });
  }
  const directory = at('home-1');
  await mustEnrol({ directory, token: await controller.fleetToken(), name: 'home-1' });
  agent = await startAgent(directory);
  await untilConnected(agent);
  await eventually(async () => {
    const { lines } = await agent.status();
    expect([TEXTS, PUMP].map((line) => lines[line]?.running?.version)).toEqual(['1.0.0', '1.0.0']);
  });
});

describe('an imported line', () => {
  it('decides on texts by its tokenizer and on samples of its sensor', async () => {
    expect(await agent.ask('Please switch on the LAMPS')).toMatchObject({ line: TEXTS, label: 'light_on' });
    expect(await agent.ask('will it snow tomorrow')).toMatchObject({ line: TEXTS, label: 'weather' });
    const samples = { line: PUMP, rateHz: 1, samples: [[2, -1]] };
    const answer = await agent.send({ path: LOCAL_PATHS.samples, body: samples });
    expect(jsonOf(answer)).toMatchObject({ windows: 1, events: [{ phase: 'start', label: 'worn' }] });
  });

  it('takes no labels', async () => {
    const { id } = await agent.ask('play jazz');
    const answers = [
      await agent.send({ path: labelPath(id), body: { label: 'music' } }),
      await agent.send({ path: LOCAL_PATHS.examples, body: { line: TEXTS, text: 'jazz', label: 'music' } }),
      await agent.send({ path: LOCAL_PATHS.examples, body: { line: PUMP, text: 'jazz', label: 'worn' } }),
    ];
    expect(answers.map(jsonOf)).toMatchObject([
      { code: 'LINE_NOT_TRAINABLE' },
      { code: 'LINE_NOT_TRAINABLE' },
      { code: 'LINE_TASK_WRONG' },
    ]);
  });

  it('has no rounds', async () => {
    const examples = [{ text: 'play jazz', intent: 'music' }];
    await controller.call('putExamples', { params: { line: TEXTS }, body: { examples } });
    const start = (line: typeof TEXTS) =>
      controller.call('startRound', { body: { line, settings: { group: null } } });
    await expect(start(TEXTS)).rejects.toMatchObject({ code: 'LINE_NOT_TRAINABLE' });
    await expect(start(PUMP)).rejects.toMatchObject({ code: 'LINE_TASK_WRONG' });
  });
});
