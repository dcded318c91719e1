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

/** One example whose entities are marked. */
export interface AnnotatedText extends LearnedText {
  readonly intent: string;
  readonly entities: readonly MarkedEntity[];
}

/** One example. */
export interface LearnedText {
  readonly text: string;
  /** Null: none of the model's. */
  readonly intent: string | null;
  /** In order of their place; they never overlap. Null: nobody has marked them. */
  readonly entities: readonly MarkedEntity[] | null;
}

const place = z.int().min(0);
const lineSchema = z.object({
  text: z.string().min(1),
  intent: z.string().min(1),
  slots: z.union([
    z.array(z.tuple([place, place, z.string().min(1)])),
    // Values by name, without their places.
    z.record(z.string().min(1), z.union([z.string(), z.number(), z.array(z.unknown())])),
  ]),
  lang: z.string().optional(),
});

/**
 * Reads JSONL of {"text", "intent", "slots": [[start, end, type], …]}; further fields are ignored, blank lines skipped. Slots may
 * also be {type: value}: then a value is where its words stand in the text, and one that is not said is no entity.
 * @param language leaves out lines whose `lang` is another one
 * @throws NanofleetError TRAINING_SET_INVALID with the facts `file` and `line`
 */
export async function readAnnotatedTexts(file: string, language?: string): Promise<AnnotatedText[]> {
  const texts = (await contentOf(file))
    .split('\n')
    .flatMap((line, index) =>
      line.trim() === '' ? [] : annotated(line, { file, line: index + 1, language }),
    );
  if (texts.length === 0) throw refused({ file, line: 0, language }, 'the file holds no example');
  return texts;
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly language: string | undefined;
}

function annotated(line: string, at: Place): AnnotatedText[] {
  const parsed = lineSchema.safeParse(json(line, at));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refused(at, `${issue?.path.join('.') || 'the line'}: ${issue?.message ?? 'not an example'}`);
  }
  const { text, intent, slots, lang } = parsed.data;
  if (lang !== undefined && at.language !== undefined && lang !== at.language) return [];
  const marked = Array.isArray(slots)
    ? slots.map(([start, end, type]) => ({ start, end, type }))
    : saidValues(text, slots);
  const entities = marked.toSorted((left, right) => left.start - right.start);
  entities.forEach(({ start, end }, index) => {
    if (start >= end || end > text.length) throw refused(at, `slot ${index} does not lie in the text`);
    if (start < (entities[index - 1]?.end ?? 0)) throw refused(at, `slot ${index} overlaps the one before`);
  });
  return [{ text, intent, entities }];
}

/** Where values are said, the longest first, as "bedroom lamp" is a name before "bedroom" is an area. */
function saidValues(text: string, slots: Readonly<Record<string, unknown>>): MarkedEntity[] {
  const wanted = Object.entries(slots)
    .flatMap(([type, value]) =>
      typeof value === 'string' || typeof value === 'number' ? [{ type, value: String(value) }] : [],
    )
    .toSorted((left, right) => right.value.length - left.value.length);
  const found: MarkedEntity[] = [];
  for (const { type, value } of wanted) {
    const words = value.toLowerCase().match(/[a-z0-9]+/g);
    if (words === null) continue;
    const said = new RegExp(`(?<![a-z0-9])${words.join('[^a-z0-9]+')}(?![a-z0-9])`, 'gi');
    for (const match of text.matchAll(said)) {
      const [start, end] = [match.index, match.index + match[0].length];
      if (found.some((other) => start < other.end && end > other.start)) continue;
      found.push({ start, end, type });
      break;
    }
  }
  return found;
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
