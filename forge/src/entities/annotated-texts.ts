// Owns reading texts with intents and marked entities, and which tags their tokens get. Errors name file and line, never
// the text. It never decides which entity types a model has.
import { NanofleetError } from '@nanofleet/protocol';
import { firstTag, insideTag, OUTSIDE, tokensOfPlace } from '@nanofleet/runtime';
import { z } from 'zod';
import { contentOf } from '../datasets/labelled-texts.ts';

/** A marked entity: `type` is its name, the place counts UTF-16 units, `end` exclusive. */
export interface MarkedEntity {
  readonly start: number;
  readonly end: number;
  readonly type: string;
}

/** One example. */
export interface AnnotatedText {
  readonly text: string;
  readonly intent: string;
  /** In order of their place; they never overlap. */
  readonly entities: readonly MarkedEntity[];
}

const place = z.int().min(0);
const lineSchema = z.object({
  text: z.string().min(1),
  intent: z.string().min(1),
  slots: z.array(z.tuple([place, place, z.string().min(1)])),
});

/**
 * Reads JSONL of {"text", "intent", "slots": [[start, end, type], …]}; further fields are ignored, blank lines skipped.
 * @throws NanofleetError TRAINING_SET_INVALID with the facts `file` and `line`
 */
export async function readAnnotatedTexts(file: string): Promise<AnnotatedText[]> {
  const texts = (await contentOf(file))
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [annotated(line, { file, line: index + 1 })]));
  if (texts.length === 0) throw refused({ file, line: 0 }, 'the file holds no example');
  return texts;
}

interface Place {
  readonly file: string;
  readonly line: number;
}

function annotated(line: string, at: Place): AnnotatedText {
  const parsed = lineSchema.safeParse(json(line, at));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refused(at, `${issue?.path.join('.') || 'the line'}: ${issue?.message ?? 'not an example'}`);
  }
  const { text, intent, slots } = parsed.data;
  const entities = slots
    .map(([start, end, type]) => ({ start, end, type }))
    .toSorted((left, right) => left.start - right.start);
  entities.forEach(({ start, end }, index) => {
    if (start >= end || end > text.length) throw refused(at, `slot ${index} does not lie in the text`);
    if (start < (entities[index - 1]?.end ?? 0)) throw refused(at, `slot ${index} overlaps the one before`);
  });
  return { text, intent, entities };
}

function json(line: string, at: Place): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw refused(at, 'not JSON', cause);
  }
}

function refused({ file, line }: Place, problem: string, cause?: unknown): NanofleetError {
  const expected = 'expected {"text": …, "intent": …, "slots": [[start, end, type], …]}';
  return new NanofleetError('TRAINING_SET_INVALID', `${file}, line ${line}: ${problem}; ${expected}`, {
    facts: { file, line },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The entity types of texts, sorted by name. */
export function entityTypesOf(texts: readonly AnnotatedText[]): string[] {
  return [...new Set(texts.flatMap(({ entities }) => entities.map(({ type }) => type)))].toSorted();
}

/**
 * The tag of each token. Entities of types that are not in `types`, and those that touch no token, are left out.
 * @param bounds start and end of each token
 */
export function tagsOfEntities(
  entities: readonly MarkedEntity[],
  { bounds, types }: { readonly bounds: Int32Array; readonly types: readonly string[] },
): Int32Array {
  const tags = new Int32Array(bounds.length / 2).fill(OUTSIDE);
  for (const entity of entities) {
    const type = types.indexOf(entity.type);
    const tokens = tokensOfPlace(bounds, entity);
    if (type < 0 || !tokens) continue;
    tags.fill(insideTag(type), tokens.first, tokens.last + 1);
    tags[tokens.first] = firstTag(type);
  }
  return tags;
}
