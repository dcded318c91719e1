import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { z } from 'zod';
import { fileDisk } from '../ports/file-disk.ts';
import { agentConfigSchema, DEFAULT_CONFIG } from './agent-config.ts';
import { checkConfigText } from './config-mistakes.ts';
import { nearestWord } from './nearest-word.ts';
import { inspectAgentConfig, readAgentConfig } from './read-agent-config.ts';

const directory = mkdtempSync(join(tmpdir(), 'nf-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const mistakesOf = (text: string) =>
  checkConfigText(text, yaml).mistakes.map(
    ({ line, column, field, message }) => `${line}:${column} ${field}: ${message}`,
  );

describe('the text of agent.yaml', () => {
  it('gives the settings, with defaults for what it leaves out', () => {
    const { config, mistakes } = checkConfigText('version: 1 # the only one\nlisten: { http: 0 }\n', yaml);
    expect(mistakes).toEqual([]);
    expect(config).toEqual({ ...DEFAULT_CONFIG, listen: { http: 0 } });
  });

  it('shows an unknown key where it stands, with the key that was meant', () => {
    expect(mistakesOf('version: 1\nlisten:\n  htpp: 8765\n')).toEqual([
      '3:3 listen.htpp: there is no key "htpp" here; did you mean "http"?',
    ]);
    expect(mistakesOf('version: 1\nlisten:\n  colour: red\n')).toEqual([
      '3:3 listen.colour: there is no key "colour" here; known keys: socket, http, wyoming',
    ]);
  });

  it('shows every wrong value with what it is, what was expected and what the field means', () => {
    const mistakes = mistakesOf('version: 1\nbeatMs: soon\nlisten:\n  http: 70000\nlearning: "no"\n');
    expect(mistakes).toEqual([
      '2:9 beatMs: is "soon": expected number, received string (interval of beats, milliseconds)',
      expect.stringMatching(/^4:9 listen\.http: is 70000: Too big: .*65535 \(port of 127\.0\.0\.1/),
      expect.stringMatching(/^5:11 learning: is "no": expected boolean, received string \(whether/),
    ]);
  });

  it('shows what is missing at the place that should hold it', () => {
    expect(mistakesOf('learning: true\n')).toEqual([
      expect.stringMatching(/^1:1 version: is missing: .* \(version of this form: 1\)$/),
    ]);
    expect(mistakesOf('')).toEqual([expect.stringMatching(/^1:1 : is null: expected object/)]);
  });

  it('shows where it is not YAML, has a key twice, or would grow by aliases', () => {
    expect(mistakesOf('version: 1\nlisten: {http: 1\n')[0]).toMatch(/^[23]:\d+ : this is not YAML: /);
    expect(mistakesOf('version: 1\nversion: 1\n')[0]).toMatch(
      /^2:1 : this is not YAML: Map keys must be unique/,
    );
    expect(mistakesOf('version: &one 1\nbeatMs: *one\n')[0]).toMatch(/^2:9 : aliases are not read; write/);
  });
});

describe('the file', () => {
  it('need not be there, unless it was asked for', async () => {
    const nowhere = join(directory, 'nowhere');
    expect(await inspectAgentConfig(fileDisk, { directory: nowhere, asked: undefined })).toEqual({
      path: null,
      config: DEFAULT_CONFIG,
      mistakes: [],
    });
    await expect(
      readAgentConfig(fileDisk, { directory: nowhere, asked: join(nowhere, 'my.yaml') }),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('names other files relative to itself', async () => {
    mkdirSync(join(directory, 'etc'), { recursive: true });
    const path = join(directory, 'etc', 'agent.yaml');
    writeFileSync(path, 'version: 1\nnames: names.json\nbundles: /opt/bundles\nlisten: { socket: a.sock }\n');
    const config = await readAgentConfig(fileDisk, { directory, asked: path });
    expect(config).toMatchObject({
      names: join(directory, 'etc', 'names.json'),
      bundles: '/opt/bundles',
      listen: { socket: join(directory, 'etc', 'a.sock') },
    });
  });

  it('is refused with all its mistakes', async () => {
    writeFileSync(join(directory, 'agent.yaml'), 'version: 2\nlearnin: true\n');
    const refused = readAgentConfig(fileDisk, { directory, asked: undefined });
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID', facts: { line: 1 } });
    await expect(refused).rejects.toThrow(
      /agent\.yaml:1:10: version is 2.*\n.*:2:1: learnin there is no key/,
    );
  });

  it('is refused when it is no text or too long', async () => {
    const path = join(directory, 'bad.yaml');
    for (const bytes of [Buffer.from([0xff, 0xfe, 0x41]), Buffer.alloc(300_000, 32)]) {
      writeFileSync(path, bytes);
      await expect(readAgentConfig(fileDisk, { directory, asked: path })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      });
    }
  });
});

it('finds the word that was meant only when it is near', () => {
  expect(nearestWord('Topics', ['topic', 'text', 'url'])).toBe('topic');
  expect(nearestWord('xyz', ['topic', 'text', 'url'])).toBeNull();
  expect(nearestWord('anything', [])).toBeNull();
});

/** A schema without what only says how a value may be left out or written. */
const bare = (schema: unknown): unknown => {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return bare(schema.unwrap());
  return schema instanceof z.ZodPipe ? bare(schema.out) : schema;
};

/** Every field of a schema by its place, with its description. */
const fieldsOf = (schema: unknown, place: string): { place: string; description: string | undefined }[] => {
  const known = bare(schema);
  if (known instanceof z.ZodDiscriminatedUnion)
    return known.options.flatMap((option) => fieldsOf(option, place));
  if (known instanceof z.ZodRecord) return fieldsOf(known.valueType, `${place}NAME.`);
  if (!(known instanceof z.ZodObject)) return [];
  return Object.entries(known.shape as Record<string, z.ZodType>).flatMap(([key, field]) => [
    { place: `${place}${key}`, description: field.description },
    ...fieldsOf(field, `${place}${key}.`),
  ]);
};

it('has every field described, and on the page docs/agent-yaml.md in the same words', () => {
  const page = readFileSync(new URL('../../../docs/agent-yaml.md', import.meta.url), 'utf8');
  const fields = fieldsOf(agentConfigSchema, '');
  expect(fields.length).toBeGreaterThan(80);
  for (const { place, description } of fields) expect(page).toContain(`| \`${place}\` | ${description} |`);
});
