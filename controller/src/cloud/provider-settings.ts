/**
 * The provider file: address, model, key file, prices, times, budget. Owns its schema and reading it; the key is read from
 * its own file and goes nowhere but into requests. Never asks the provider.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { firstIssue, NanofleetError, PROVIDER_DEADLINE_MAX_MS } from '@nanofleet/protocol';
import { z } from 'zod';

const milliseconds = (otherwise: number) => z.int().min(1).max(PROVIDER_DEADLINE_MAX_MS).default(otherwise);
/** Money in units of the currency, at most a million of them, kept to a millionth. */
const moneySchema = z
  .number()
  .min(0)
  .max(1e6)
  .transform((units) => Math.round(units * 1e6));

const fileSchema = z.strictObject({
  /** Base of the API, as `https://api.example.com/v1`; `/chat/completions` is added. */
  url: z.url(),
  model: z.string().min(1).max(128),
  /** Path of a file that holds the key and nothing else; relative to the provider file. */
  keyFile: z.string().min(1),
  /** Units of the currency per million tokens. */
  pricePerMillion: z.strictObject({ input: moneySchema, output: moneySchema }),
  /** Units of the currency per day of UTC. */
  budgetPerDay: moneySchema,
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .default('USD'),
  /** All attempts of one question together. */
  deadlineMs: milliseconds(20_000),
  /** To connect. */
  connectMs: milliseconds(3_000),
  /** From the request to the first content. */
  firstMs: milliseconds(10_000),
  /** Between two pieces of content. */
  idleMs: milliseconds(5_000),
  attempts: z.int().min(1).max(5).default(3),
  outputTokensMax: z.int().min(16).max(4_096).default(512),
  /** Which field bounds the output: `max_tokens` for servers that do not know the newer one. */
  outputTokensField: z.enum(['max_completion_tokens', 'max_tokens']).default('max_completion_tokens'),
});

/** What is known of the provider; prices and budget in millionths of the currency's unit. */
export type ProviderSettings = z.output<typeof fileSchema> & { readonly key: string };

const isLoopback = (hostname: string): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
};

const invalid = (why: string) => new NanofleetError('SETTING_INVALID', why);

const checkAddress = (url: string): void => {
  const { hostname, password, protocol, search, username } = new URL(url);
  if (username !== '' || password !== '' || search !== '')
    throw invalid(
      'The url in the provider file may hold no user, password or query; the key has its own file.',
    );
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))) return;
  throw new NanofleetError(
    'URL_NOT_PRIVATE',
    `The provider at ${protocol}//${hostname} would get texts and key in the clear; use https.`,
    { facts: { host: hostname } },
  );
};

const readText = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((cause: unknown) => {
    throw new NanofleetError('KEY_FILE_INVALID', `${path} cannot be read.`, { cause, facts: { path } });
  });

const readKey = async (path: string): Promise<string> => {
  const key = (await readText(path)).trim();
  // What HTTP lets a header hold (RFC 9110, 5.5), and no white space inside.
  if (/^[\x21-\x7e]{1,4096}$/.test(key)) return key;
  throw new NanofleetError('KEY_FILE_INVALID', `${path} does not hold one key on one line.`, {
    facts: { path },
  });
};

const parseFile = (path: string, text: string) => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message would quote the file.
    throw invalid(`${path} is not JSON.`);
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(`${path}: ${firstIssue(parsed.error)}`);
};

/**
 * Reads a provider file and the key file that it names.
 * @throws NanofleetError SETTING_INVALID, URL_NOT_PRIVATE, KEY_FILE_INVALID
 */
export const readProvider = async (path: string): Promise<ProviderSettings> => {
  const file = parseFile(path, await readText(path));
  checkAddress(file.url);
  const key = await readKey(resolve(dirname(path), file.keyFile));
  return { ...file, key };
};
