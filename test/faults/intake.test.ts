import { join } from 'node:path';
import {
  BATCH_ITEMS_MAX,
  BODY_BYTES_MAX,
  itemAnswerSchema,
  LOCAL_PATHS,
  labelAnswerSchema,
  labelPath,
  SAMPLES_MAX,
  STREAM_LINE_BYTES_MAX,
  TEXT_BYTES_MAX,
} from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startAgent, type TestAgent, writeLoneIdentity } from './parts/agents.ts';
import { signedBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { jsonOf, problemIn } from './parts/http.ts';
import { containing, matching } from './parts/words.ts';

const scratch = scratchDirectory();
const FINE = 'what is on my calendar for tomorrow';
let agent: TestAgent;
let rateHz = 0;

beforeAll(async () => {
  const key = generateSigningKey();
  const bundles = join(scratch, 'bundles');
  signedBundle({ from: 'household-1', to: join(bundles, 'household-1'), key });
  const { manifest } = signedBundle({ from: 'vibration-1', to: join(bundles, 'vibration-1'), key });
  rateHz = manifest.inputs[0]?.rateHz ?? 0;
  const directory = join(scratch, 'lone');
  writeLoneIdentity(directory, { publisher: key.fingerprint });
  agent = await startAgent(directory, '--bundles', bundles);
});

// Whatever a test sent, the agent goes on answering: nobody restarts it in between.
afterEach(async () => {
  expect((await agent.ask(FINE)).label).toBe('calendar');
  expect(agent.isOver()).toBe(false);
});

const refusalOf = async (path: string, body: unknown) => {
  const answer = await agent.send({ path, body });
  const { code, detail, status, facts } = problemIn(answer);
  expect(answer.status).toBe(status);
  return { code, detail, status, facts };
};

const itemsOf = (values: readonly unknown[]) => values.map((value) => itemAnswerSchema.parse(value));
const codesOf = (items: ReturnType<typeof itemsOf>) =>
  items.map((item) => ('error' in item ? item.error.code : 'fine'));

describe('the intake of texts', () => {
  it.each([
    ['an empty text', '', 422, 'TEXT_EMPTY', /empty or blank/],
    ['a blank text', ' \t\n\u00a0\u3000', 422, 'TEXT_EMPTY', /empty or blank/],
    ['NUL', 'turn \0 off', 422, 'TEXT_MALFORMED', /NUL/],
    ['a lone high surrogate', 'turn \ud83d off', 422, 'TEXT_MALFORMED', /lone surrogate/],
    ['a lone low surrogate', '\udca1 on', 422, 'TEXT_MALFORMED', /lone surrogate/],
    ['one byte too much', 'é'.repeat(TEXT_BYTES_MAX / 2) + 'x', 413, 'TEXT_TOO_LARGE', /4096 bytes/],
    ['a text of 7 MB', 'x'.repeat(7_000_000), 413, 'TEXT_TOO_LARGE', /4096 bytes/],
  ])('refuses %s with its code', async (_name, text, status, code, says) => {
    const refusal = await refusalOf(LOCAL_PATHS.decide, { text });
    expect(refusal).toMatchObject({ status, code, detail: matching(says) });
    expect(refusal.detail).not.toContain(text.trim().slice(0, 20) || 'undefined');
  });

  it('refuses lone surrogates that come as escapes, not as characters', async () => {
    const refusal = await refusalOf(LOCAL_PATHS.decide, '{"text":"turn \\ud83d off"}');
    expect(refusal).toMatchObject({ status: 422, code: 'TEXT_MALFORMED' });
  });

  it('takes a text of the greatest length', async () => {
    expect((await agent.ask('é'.repeat(TEXT_BYTES_MAX / 2))).line).toBe('intent');
  });

  it('refuses a body of 10 MB and tells its limit', async () => {
    const refusal = await refusalOf(LOCAL_PATHS.decide, { text: 'x'.repeat(10_000_000) });
    expect(refusal).toMatchObject({
      status: 413,
      code: 'BODY_TOO_LARGE',
      facts: { bytesMax: BODY_BYTES_MAX },
      detail: containing('send less at once'),
    });
  });

  it.each([
    ['no JSON', 'turn the light on'],
    ['half of a JSON text', '{"text":"turn'],
    ['JSON of another form', { words: ['on'] }],
    ['a text that is a number', { text: 7 }],
    ['broken UTF-8', Buffer.from([0x7b, 0x22, 0x74, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])],
    ['JSON as deep as it gets', '['.repeat(200_000)],
  ])('refuses %s without quoting it', async (_name, body) => {
    const refusal = await refusalOf(LOCAL_PATHS.decide, body);
    expect(refusal).toMatchObject({ status: 400, code: 'INPUT_INVALID' });
    expect(refusal.detail).not.toContain('turn');
  });

  it('names what is not there', async () => {
    expect((await refusalOf('/v1/nothing', {})).code).toBe('NOT_FOUND');
    const wrongMethod = await agent.send({ path: LOCAL_PATHS.decide, method: 'GET' });
    expect(problemIn(wrongMethod)).toMatchObject({ status: 405, detail: containing('POST') });
    expect((await refusalOf(LOCAL_PATHS.decide, { text: FINE, line: 'nothing' })).code).toBe('LINE_UNKNOWN');
    const unknown = await agent.send({ path: `${LOCAL_PATHS.decision}0193a0c0-0000-7000-8000-000000000001` });
    expect(problemIn(unknown).code).toBe('DECISION_UNKNOWN');
  });
});

describe('the intake of labels', () => {
  it.each([
    ['neither a label nor its absence', {}],
    ['both at once', { label: 'calendar', outOfScope: true }],
    ['a label that is a number', { label: 7 }],
    ['a text in place of a decision', { text: 'turn it off', label: 'calendar' }],
    ['no JSON', 'turn it off'],
  ])('refuses %s without quoting it', async (_name, body) => {
    const refusal = await refusalOf(labelPath('last'), body);
    expect(refusal).toMatchObject({ status: 400, code: 'INPUT_INVALID' });
    expect(refusal.detail).not.toContain('turn');
  });

  it('says what is wrong with a decision, a label, a line or a method', async () => {
    const right = { label: 'calendar' };
    const gone = labelPath('0193a0c0-0000-7000-8000-000000000001');
    expect(await refusalOf(gone, right)).toMatchObject({ status: 404, code: 'DECISION_UNKNOWN' });
    const { id } = await agent.ask(FINE);
    const wrong = await refusalOf(labelPath(id), { label: 'calender' });
    const nearest = containing('did you mean: calendar');
    expect(wrong).toMatchObject({ status: 422, code: 'LABEL_UNKNOWN', detail: nearest });
    const sensor = { text: FINE, line: 'vibration', ...right };
    expect(await refusalOf(LOCAL_PATHS.examples, sensor)).toMatchObject({ code: 'LINE_TASK_WRONG' });
    const read = await agent.send({ path: labelPath(id), method: 'GET' });
    expect(problemIn(read)).toMatchObject({ status: 405, detail: containing('POST') });
  });

  it('takes a label again and again, and another one in its place', async () => {
    const { id } = await agent.ask(FINE);
    const outcomes = [];
    for (const label of ['calendar', 'calendar', 'alarm']) {
      const answer = await agent.send({ path: labelPath(id), body: { label } });
      outcomes.push(labelAnswerSchema.parse(jsonOf(answer)).outcome);
    }
    expect(outcomes).toEqual(['new', 'same', 'changed']);
  });
});

describe('the intake of batches', () => {
  it('refuses 100,000 texts at once and tells the limit', async () => {
    const refusal = await refusalOf(LOCAL_PATHS.batch, {
      texts: Array.from({ length: 100_000 }, () => 'on'),
    });
    expect(refusal).toMatchObject({
      status: 413,
      code: 'BATCH_TOO_LARGE',
      facts: { given: 100_000, most: BATCH_ITEMS_MAX },
      detail: '100000 texts were sent; at most 1000 are taken at once',
    });
  });

  it('answers the largest batch, with an error for just the items that are wrong', async () => {
    const texts = Array.from({ length: BATCH_ITEMS_MAX }, (_, at) => (at % 100 === 3 ? '\0' : FINE));
    const { items } = jsonOf(await agent.send({ path: LOCAL_PATHS.batch, body: { texts } })) as {
      items: unknown[];
    };
    const codes = codesOf(itemsOf(items));
    expect(codes).toEqual(texts.map((text) => (text === '\0' ? 'TEXT_MALFORMED' : 'fine')));
  });
});

describe('the intake of streams', () => {
  it('reports a malformed line with its number and answers the rest, in order', async () => {
    const lines = [
      JSON.stringify({ text: FINE }),
      '{"text": "half',
      JSON.stringify({ text: '' }),
      '',
      JSON.stringify({ text: `${'x'.repeat(STREAM_LINE_BYTES_MAX)}` }),
      JSON.stringify({ text: 'y'.repeat(TEXT_BYTES_MAX + 1) }),
      '"a string, not a question"',
      JSON.stringify({ text: FINE }),
    ];
    const { text } = await agent.send({ path: LOCAL_PATHS.stream, body: lines.join('\n') });
    const items = itemsOf(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    );
    expect(codesOf(items)).toEqual([
      'fine',
      'INPUT_INVALID',
      'TEXT_EMPTY',
      'BODY_TOO_LARGE',
      'TEXT_TOO_LARGE',
      'INPUT_INVALID',
      'fine',
    ]);
    const numbers = items.flatMap((item) => ('error' in item ? [item.error.item] : []));
    expect(numbers).toEqual([1, 2, 4, 5, 6]);
  });

  it('answers 10,000 lines of which every tenth is broken', async () => {
    const lines = Array.from({ length: 10_000 }, (_, at) =>
      at % 10 === 5 ? '{' : JSON.stringify({ text: FINE }),
    );
    const { text } = await agent.send({ path: LOCAL_PATHS.stream, body: lines.join('\n') });
    const items = itemsOf(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    );
    expect(items).toHaveLength(lines.length);
    const broken = items.flatMap((item) => ('error' in item ? [item.error.item] : []));
    expect(broken).toEqual(lines.flatMap((line, at) => (line === '{' ? [at] : [])));
  });
});

describe('the intake of samples', () => {
  const row = [0, 0, 1];
  const rows = (wrong: unknown) => [row, row, wrong, row];

  it.each([
    ['null, as JSON writes NaN and Infinity', [0, null, 1], /sample 2 is not a row of finite numbers/],
    ['a text', [0, '0.5', 1], /sample 2 is not a row of finite numbers/],
    ['a row that is no list', 0.5, /sample 2 is not a row of finite numbers/],
    ['a truth value', [0, true, 1], /sample 2 is not a row of finite numbers/],
    ['a number beyond single precision', [0, 1e39, 1], /finite/],
  ])('refuses %s', async (_name, wrong, says) => {
    const refusal = await refusalOf(LOCAL_PATHS.samples, { rateHz, samples: rows(wrong) });
    expect(refusal).toMatchObject({ status: 422, code: 'SAMPLES_INVALID', detail: matching(says) });
  });

  it('refuses a number that JSON has and a computer has not', async () => {
    const refusal = await refusalOf(LOCAL_PATHS.samples, `{"rateHz":${rateHz},"samples":[[0,1e999,1]]}`);
    expect(refusal).toMatchObject({ status: 422, code: 'SAMPLES_INVALID' });
  });

  it.each([NaN, 0, -800, 700, 1e300])('refuses samples of %s Hz', async (wrong) => {
    const refusal = await refusalOf(LOCAL_PATHS.samples, { rateHz: wrong, samples: [row] });
    const isNumber = Number.isFinite(wrong);
    expect(refusal.code).toBe(isNumber ? 'SAMPLE_RATE_WRONG' : 'INPUT_INVALID');
    expect(refusal.detail).toMatch(isNumber ? /800/ : /rateHz/);
  });

  it.each([
    ['too few channels', [0, 0]],
    ['too many channels', [0, 0, 0, 0]],
    ['no channel', []],
  ])('refuses a row of %s', async (_name, wrong) => {
    const refusal = await refusalOf(LOCAL_PATHS.samples, { rateHz, samples: rows(wrong) });
    expect(refusal).toMatchObject({
      status: 422,
      code: 'CHANNELS_WRONG',
      detail: `sample 2 has ${wrong.length} channels; this line takes 3`,
    });
  });

  it('refuses too many samples at once, and texts for a line of sensors', async () => {
    const samples = Array.from({ length: SAMPLES_MAX + 1 }, () => row);
    const refusal = await refusalOf(LOCAL_PATHS.samples, { rateHz, samples });
    expect(refusal).toMatchObject({ status: 413, code: 'BATCH_TOO_LARGE', facts: { most: SAMPLES_MAX } });
    const text = await refusalOf(LOCAL_PATHS.decide, { text: FINE, line: 'vibration' });
    expect(text).toMatchObject({ status: 409, code: 'LINE_TASK_WRONG' });
  });

  it('goes on with the stream as if the refused samples had never been sent', async () => {
    const send = async (length: number) =>
      jsonOf(
        await agent.send({ path: LOCAL_PATHS.samples, body: { rateHz, samples: Array(length).fill(row) } }),
      );
    expect(await send(511)).toMatchObject({ accepted: 511, windows: 0 });
    await refusalOf(LOCAL_PATHS.samples, { rateHz, samples: rows([0, null, 1]) });
    await refusalOf(LOCAL_PATHS.samples, { rateHz, samples: rows([0]) });
    await refusalOf(LOCAL_PATHS.samples, { rateHz: 1, samples: [row] });
    expect(await send(1)).toMatchObject({ accepted: 1, windows: 1 });
  });
});
