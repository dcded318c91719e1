// Owns templates of sentences: what `(a|b)`, `[a]` and `{list}` mean, and drawing sentences from them. The notation is that
// of Home Assistant's sentence templates. It never reads a file.
import { NanofleetError } from '@nanofleet/protocol';
import type { SeededRandom } from '../seeded-random.ts';

/** One parsed template: alternatives, each a sequence of parts. */
export type Template = readonly Sequence[];
type Sequence = readonly Part[];
type Part = string | { readonly list: string } | { readonly choice: Template };

/** The values that `{name}` stands for; each is a template in turn. */
export type Lists = ReadonlyMap<string, readonly Template[]>;

/** Where a template stands, for messages. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** Lists that name lists that name lists: no sensible corpus nests deeper, one that names itself would never end. */
const DEPTH_MAX = 12;
const LITERAL = /^[a-z0-9' ]*$/;

/** Parses one line. @throws NanofleetError TRAINING_SET_INVALID with file and line */
export function parseTemplate(source: string, place: Place): Template {
  const reader = { source, at: 0, place };
  const template = alternatives(reader, '');
  if (reader.at < source.length) throw refused(place, `${source[reader.at]} closes nothing`);
  return template;
}

/** Draws a sentence. @throws NanofleetError TRAINING_SET_INVALID for a list that is not there or that names itself */
export function drawSentence(
  template: Template,
  { lists, random, place }: { readonly lists: Lists; readonly random: SeededRandom; readonly place: Place },
): string {
  const draw = (from: Template, depth: number): string => {
    if (depth > DEPTH_MAX) throw refused(place, `lists nest deeper than ${DEPTH_MAX}`);
    const sequence = from[random.below(from.length)] ?? [];
    return sequence.map((part) => (typeof part === 'string' ? part : draw(inner(part), depth + 1))).join('');
  };
  const inner = (part: Exclude<Part, string>): Template => {
    if ('choice' in part) return part.choice;
    const values = lists.get(part.list);
    if (!values || values.length === 0) throw refused(place, `there is no list ${part.list}`);
    return values[random.below(values.length)] ?? [];
  };
  return draw(template, 0).replace(/ +/g, ' ').trim();
}

interface Reader {
  readonly source: string;
  at: number;
  readonly place: Place;
}

function alternatives(reader: Reader, end: string): Template {
  const found: Part[][] = [[]];
  for (;;) {
    const character = reader.source[reader.at];
    if (character === undefined || character === ')' || character === ']') return found;
    if (character === '|') {
      if (end === '') throw refused(reader.place, '| stands outside of brackets');
      found.push([]);
      reader.at += 1;
    } else found.at(-1)?.push(part(reader, character));
  }
}

function part(reader: Reader, character: string): Part {
  if (character === '(' || character === '[') return bracketed(reader, character === '(' ? ')' : ']');
  if (character === '{') return { list: list(reader) };
  if (character === '}') throw refused(reader.place, '} closes nothing');
  const start = reader.at;
  while (reader.at < reader.source.length && !'|()[]{}'.includes(reader.source[reader.at] ?? ''))
    reader.at += 1;
  const literal = reader.source.slice(start, reader.at);
  if (!LITERAL.test(literal))
    throw refused(reader.place, `"${literal}" holds other characters than a-z, 0-9, ' and blanks`);
  return literal;
}

function bracketed(reader: Reader, end: string): Part {
  reader.at += 1;
  const choice = alternatives(reader, end);
  if (reader.source[reader.at] !== end) throw refused(reader.place, `${end} is missing`);
  reader.at += 1;
  return { choice: end === ']' ? [...choice, []] : choice };
}

function list(reader: Reader): string {
  const end = reader.source.indexOf('}', reader.at);
  if (end === -1) throw refused(reader.place, '} is missing');
  const name = reader.source.slice(reader.at + 1, end);
  reader.at = end + 1;
  return name;
}

function refused({ file, line }: Place, problem: string): NanofleetError {
  return new NanofleetError('TRAINING_SET_INVALID', `${file}, line ${line}: ${problem}`, {
    facts: { file, line },
  });
}
