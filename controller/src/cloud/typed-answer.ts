/**
 * From what a provider wrote to an answer of our own form, or the reason why it is none. Pure. Everything in it is foreign:
 * labels must be of the line, names and lengths within bounds, and characters that a terminal would obey are taken out.
 */
import {
  ENTITIES_MAX,
  type Entity,
  entitySchema,
  firstIssue,
  plainText,
  proposedIntentSchema,
  REPLY_CHARACTERS_MAX,
} from '@nanofleet/protocol';
import { z } from 'zod';
import { storable } from '../db/database.ts';
import { answerInvalid } from './failure.ts';
import { newIntentOf } from './prompt.ts';

/** What comes before the reply: enough to act on. */
export interface AnswerHead {
  /** One of the line's; null with `proposed`. */
  readonly label: string | null;
  readonly proposed: string | null;
  readonly entities: readonly Entity[];
}

/** An answer. */
export interface TypedAnswer extends AnswerHead {
  readonly reply: string;
}

const text = z.string().transform((given) => storable(plainText(given)));
const headSchema = z.object({
  intent: z.string(),
  proposed: z.string().nullable().default(null),
  entities: z.array(z.object({ name: text, value: text }).pipe(entitySchema)).max(ENTITIES_MAX),
});
const replySchema = z.object({ reply: text.pipe(z.string().max(REPLY_CHARACTERS_MAX)) });

const checked = <S extends z.ZodType>(schema: S, value: unknown): z.output<S> => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw answerInvalid(firstIssue(parsed.error));
};

/** Models write names in many ways; only their words count. */
const nameOf = (proposed: string): string =>
  proposed
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[_0-9]+|_+$/g, '')
    .slice(0, 64);

/**
 * Checks all but the reply.
 * @throws ProviderFailure PROVIDER_ANSWER_INVALID
 */
export const headOf = (value: unknown, labels: readonly string[]): AnswerHead => {
  const { entities, intent, proposed } = checked(headSchema, value);
  if (labels.includes(intent)) return { label: intent, proposed: null, entities };
  if (intent !== newIntentOf(labels)) throw answerInvalid('its intent is no label of the line');
  const name = proposedIntentSchema.safeParse(nameOf(proposed ?? ''));
  if (!name.success) throw answerInvalid('it proposes a new intent without a name');
  // A provider may overlook a label and then propose its very name.
  if (labels.includes(name.data)) return { label: name.data, proposed: null, entities };
  return { label: null, proposed: name.data, entities };
};

/**
 * Checks a whole answer.
 * @throws ProviderFailure PROVIDER_ANSWER_INVALID
 */
export const typedAnswerOf = (content: string, labels: readonly string[]): TypedAnswer => {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    // The parser's message would quote the answer.
    throw answerInvalid('it is not JSON');
  }
  return { ...headOf(value, labels), ...checked(replySchema, value) };
};
