// A second opinion on the test provider: the official client of the protocol reads it as it reads the real one.
import { systemClock } from '@nanofleet/controller';
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { TestProvider } from './server.ts';

let provider: TestProvider;

beforeAll(async () => {
  provider = await TestProvider.start({ clock: systemClock });
});
afterEach(() => provider.reset());
afterAll(() => provider.close());

const clientOf = (apiKey = provider.key) =>
  new OpenAI({ apiKey, baseURL: provider.url, maxRetries: 0, logLevel: 'off' });
const ask = {
  model: 'test-model',
  messages: [{ role: 'user' as const, content: 'turn the lights on' }],
};
const failureOf = async (promise: PromiseLike<unknown>) => {
  try {
    await promise;
  } catch (thrown) {
    return thrown;
  }
  return expect.unreachable('it should have failed');
};

it('lists its models', async () => {
  const models = await clientOf().models.list();
  expect(models.data.map(({ id }) => id)).toEqual(['test-model']);
});

it('answers a request as one JSON', async () => {
  const answer = await clientOf().chat.completions.create(ask);
  expect(answer.choices[0]).toMatchObject({
    finish_reason: 'stop',
    message: { role: 'assistant', content: 'You said: turn the lights on' },
  });
  expect(answer.usage?.total_tokens).toBeGreaterThan(0);
});

it('answers as a stream whose pieces make the same, with usage at the end when it is asked for', async () => {
  const stream = await clientOf().chat.completions.create({
    ...ask,
    stream: true,
    stream_options: { include_usage: true },
  });
  let content = '';
  const totals: number[] = [];
  const ends: string[] = [];
  for await (const chunk of stream) {
    content += chunk.choices[0]?.delta.content ?? '';
    ends.push(...[chunk.choices[0]?.finish_reason ?? []].flat());
    totals.push(...[chunk.usage?.total_tokens ?? []].flat());
  }
  expect({ content, ends, count: totals.length }).toEqual({
    content: 'You said: turn the lights on',
    ends: ['stop'],
    count: 1,
  });
});

it('answers to a schema with an object that fits it', async () => {
  const answer = await clientOf().chat.completions.create({
    ...ask,
    messages: [{ role: 'user', content: JSON.stringify({ sentence: 'set 2 alarms' }) }],
    response_format: {
      type: 'json_schema',
      json_schema: {
        name: 'decision',
        strict: true,
        schema: { type: 'object', properties: { intent: { type: 'string', enum: ['alarms', 'new'] } } },
      },
    },
  });
  expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toMatchObject({
    intent: 'alarms',
    proposed: null,
    entities: [{ name: 'number', value: '2' }],
  });
});

it('refuses a wrong key, an unknown model and a request without messages as the client expects', async () => {
  expect(await failureOf(clientOf('wrong').models.list())).toBeInstanceOf(OpenAI.AuthenticationError);
  const unknown = await failureOf(clientOf().chat.completions.create({ ...ask, model: 'other' }));
  expect(unknown).toBeInstanceOf(OpenAI.NotFoundError);
  expect(unknown).toMatchObject({ code: 'model_not_found', param: 'model', requestID: 'req_0' });
  const empty = await failureOf(clientOf().chat.completions.create({ ...ask, messages: [] }));
  expect(empty).toBeInstanceOf(OpenAI.BadRequestError);
});

it('is busy, and fails, in forms that the client tells apart', async () => {
  provider.script(
    { is: 'error', status: 429, code: 'rate_limit_exceeded', headers: { 'retry-after-ms': '20' } },
    { is: 'error', status: 503 },
    { is: 'reset' },
  );
  const busy = await failureOf(clientOf().chat.completions.create(ask));
  expect(busy).toBeInstanceOf(OpenAI.RateLimitError);
  expect(busy).toMatchObject({ code: 'rate_limit_exceeded' });
  expect(await failureOf(clientOf().chat.completions.create(ask))).toBeInstanceOf(OpenAI.InternalServerError);
  expect(await failureOf(clientOf().chat.completions.create(ask))).toBeInstanceOf(OpenAI.APIConnectionError);
});

it('tells of an error inside a stream as the client expects, and of a cut one', async () => {
  const read = async () => {
    for await (const _chunk of await clientOf().chat.completions.create({ ...ask, stream: true }));
  };
  provider.script({ is: 'error-inside', after: 2, code: 'overloaded_error' }, { is: 'cut', after: 2 });
  expect(await failureOf(read())).toBeInstanceOf(OpenAI.APIError);
  expect(await failureOf(read())).toBeInstanceOf(Error);
});
