/**
 * Templates of topics and of arguments: text with names in braces, such as `home/{line}/{label}`; `{{` stands for a brace.
 * Owns the names and what fills them; a message that lacks a value never gets an empty one in its place. Pure.
 */
import { NanofleetError } from '@nanofleet/protocol';
import type { Happening } from './happening.ts';

/** Names that every message may fill, beside `slot.NAME` and `text`. */
const NAMES = [
  'device',
  'id',
  'at',
  'line',
  'version',
  'label',
  'confidence',
  'verdict',
  'tier',
  'phase',
] as const;
const SLOT = 'slot.';

type Name = (typeof NAMES)[number] | 'text' | `slot.${string}`;

/** A piece of a template: text as it is, or the name of a value. */
export type TemplatePart = { readonly literal: string } | { readonly name: Name };

const PART = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;

const isName = (name: string): name is Name =>
  NAMES.some((known) => known === name) || name === 'text' || /^slot\.[a-z][a-z0-9_]{0,63}$/.test(name);

/** The parts of a template, or what is wrong with it. */
export const parseTemplate = (text: string): { parts: TemplatePart[] } | { mistake: string } => {
  const parts: TemplatePart[] = [];
  for (const [piece, name] of text.matchAll(PART)) {
    if (name !== undefined && isName(name)) parts.push({ name });
    else if (name !== undefined)
      return { mistake: `there is no value {${name}}; known: ${NAMES.join(', ')}, text, slot.NAME` };
    else if (piece === '{{' || piece === '}}') parts.push({ literal: piece.charAt(0) });
    else if (piece === '{' || piece === '}')
      return { mistake: 'a brace stands alone; write {{ or }} for a brace' };
    else parts.push({ literal: piece });
  }
  return { parts };
};

/** Which of the values that hold what was said are named. */
export const saidIn = (parts: readonly TemplatePart[]): { slots: boolean; text: boolean } => ({
  slots: parts.some((part) => 'name' in part && part.name.startsWith(SLOT)),
  text: parts.some((part) => 'name' in part && part.name === 'text'),
});

const lacking = (why: string): NanofleetError => new NanofleetError('INPUT_INVALID', why);

const slotOf = (happening: Happening, name: string): string => {
  const found = happening.type === 'decision' ? happening.slots.filter((slot) => slot.name === name) : [];
  const [only, other] = found;
  if (only !== undefined && other === undefined) return String(only.value);
  throw lacking(`the message has ${found.length === 0 ? 'no' : 'more than one'} slot ${name}`);
};

const valueOf = (happening: Happening, device: string, name: Name): string => {
  if (name.startsWith(SLOT)) return slotOf(happening, name.slice(SLOT.length));
  if (name === 'device') return device;
  if (name === 'at') return new Date(happening.atMs).toISOString();
  const found: unknown = Reflect.get(happening, name);
  if (typeof found === 'string' || typeof found === 'number') return String(found);
  throw lacking(`the message has no ${name}`);
};

/**
 * Fills a template.
 * @param clean what becomes of a value before it is put in
 * @throws NanofleetError INPUT_INVALID when the message lacks a value
 */
export const fillTemplate = (
  parts: readonly TemplatePart[],
  { happening, device }: { happening: Happening; device: string },
  clean: (value: string) => string = (value) => value,
): string =>
  parts
    .map((part) => ('literal' in part ? part.literal : clean(valueOf(happening, device, part.name))))
    .join('');
