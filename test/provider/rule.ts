/**
 * How the test provider answers: by a small rule instead of a model, so that the same request always gets the same answer.
 * Pure. Understands a request as far as nanofleet makes one: labels in the schema's enumeration, the sentence as JSON.
 */
import { z } from 'zod';

const requestSchema = z.object({
  messages: z.array(z.object({ role: z.string(), content: z.string() })).min(1),
  response_format: z
    .object({
      json_schema: z.object({
        schema: z.object({
          properties: z.object({ intent: z.object({ enum: z.array(z.string()).min(1) }) }),
        }),
      }),
    })
    .optional(),
});

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Small words say nothing about an intent. */
const LONG = 3;
const isLong = (word: string): boolean => word.length > LONG || /^\d+$/.test(word);

/** Whether two words are forms of one: "water" and "watering". */
const isAlike = (one: string, other: string): boolean =>
  one.length > LONG && other.length > LONG && (one.startsWith(other) || other.startsWith(one));

const overlap = (label: string, words: readonly string[]): number =>
  wordsOf(label.replaceAll('_', ' ')).filter((part) =>
    words.some((word) => word === part || isAlike(word, part)),
  ).length / label.split('_').length;

const sentenceOf = (content: string): string => {
  try {
    const value: unknown = JSON.parse(content);
    const sentence: unknown =
      typeof value === 'object' && value !== null ? Reflect.get(value, 'sentence') : undefined;
    return typeof sentence === 'string' ? sentence : content;
  } catch {
    // A message that is no JSON is the sentence itself.
    return content;
  }
};

/** The content that the provider answers a request with. */
export const contentFor = (body: unknown): string => {
  const { messages, response_format: format } = requestSchema.parse(body);
  const sentence = sentenceOf(messages.findLast(({ role }) => role === 'user')?.content ?? '');
  if (format === undefined) return `You said: ${sentence}`;
  const choices = format.json_schema.schema.properties.intent.enum;
  const other = choices.at(-1) ?? 'new';
  const words = wordsOf(sentence);
  const [best] = choices
    .slice(0, -1)
    .map((label) => ({ label, share: overlap(label, words) }))
    .toSorted((left, right) => right.share - left.share || left.label.localeCompare(right.label));
  const isKnown = best !== undefined && best.share > 0.5;
  const name = words.filter(isLong).slice(0, 2).join('_') || 'something';
  const meant = isKnown ? best.label : name;
  return JSON.stringify({
    intent: isKnown ? best.label : other,
    proposed: isKnown ? null : name,
    entities: words
      .filter((word) => /^\d+$/.test(word))
      .slice(0, 4)
      .map((value) => ({ name: 'number', value })),
    reply: isKnown
      ? `I understood that this is about ${meant.replaceAll('_', ' ')}.`
      : `I understood ${meant.replaceAll('_', ' ')}, but nobody taught this home what to do then.`,
  });
};
