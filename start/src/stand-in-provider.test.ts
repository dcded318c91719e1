// The stand-in over a real socket: what it streams, that it wants its key, and what it says to anything else.
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { StandInProvider } from './stand-in-provider.ts';

const fileSchema = z.object({ url: z.string(), keyFile: z.string(), model: z.string() });
const chunkSchema = z.object({
  choices: z.array(z.object({ delta: z.object({ content: z.string().optional() }) })),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int() }).optional(),
});
const request = {
  model: 'stand-in',
  stream: true,
  messages: [
    { role: 'system', content: 'You name the intent.' },
    { role: 'user', content: JSON.stringify({ sentence: 'why do cats purr at night' }) },
  ],
  response_format: {
    type: 'json_schema',
    json_schema: { schema: { properties: { intent: { enum: ['weather', 'timer', 'new'] } } } },
  },
};

describe('the stand-in for a provider', () => {
  let directory = '';
  let provider: StandInProvider;
  let url = '';
  let key = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nf-stand-in-'));
    provider = await StandInProvider.start();
    const path = await provider.describeIn(directory);
    const file = fileSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    url = file.url;
    key = (await readFile(join(directory, file.keyFile), 'utf8')).trim();
  });
  afterAll(async () => {
    await provider.close();
    await rm(directory, { recursive: true, force: true });
  });

  const post = (body: unknown, bearer = key): Promise<Response> =>
    fetch(`${url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('streams that it knows no label, a name of what it heard, and a reply that says what it is', async () => {
    const text = await (await post(request)).text();
    const events = text.split('\n\n').filter((event) => event.startsWith('data: {'));
    const chunks = events.map((event) => chunkSchema.parse(JSON.parse(event.slice('data: '.length))));
    const content = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    expect(JSON.parse(content)).toEqual({
      intent: 'new',
      proposed: 'cats_night',
      entities: [],
      reply: 'A stand-in heard cats night; a real provider would answer here.',
    });
    expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('keeps its key to the owner of the directory, and answers nobody without it', async () => {
    expect((await stat(join(directory, 'provider.key'))).mode & 0o777).toBe(0o600);
    expect((await post(request, 'another')).status).toBe(401);
  });

  it('refuses what is no request for a completion', async () => {
    expect((await post({ messages: [] })).status).toBe(400);
    const other = await fetch(`${url}/models`, { headers: { authorization: `Bearer ${key}` } });
    expect(other.status).toBe(404);
  });
});
