/**
 * Every mistake in the text of an `agent.yaml`, with its line and column, what was expected there, and the key that was
 * probably meant. Owns the words of mistakes; never reads a file.
 */
import { CONFIG_MISTAKES_MAX } from '@nanofleet/protocol';
import type { isMap, isScalar, LineCounter, Node, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { type AgentConfig, agentConfigSchema } from './agent-config.ts';
import { nearestWord } from './nearest-word.ts';
import { expectedAt, type Path, valueAt } from './schema-walk.ts';

/** One mistake. */
export interface ConfigMistake {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** Place as it is written in the file, such as `listen.http`; empty for the whole file. */
  readonly field: string;
  readonly message: string;
}

/** The part of the package yaml that is needed here; given, because it is only loaded when there is a file. */
export interface YamlReader {
  readonly parseDocument: typeof parseDocument;
  readonly LineCounter: typeof LineCounter;
  readonly visit: typeof visit;
  readonly isMap: typeof isMap;
  readonly isScalar: typeof isScalar;
}

/** What the text holds: a config, or mistakes. */
export interface CheckedConfig {
  /** Null when there is a mistake. */
  readonly config: AgentConfig | null;
  readonly mistakes: readonly ConfigMistake[];
}

type Document = ReturnType<typeof parseDocument>;
type Issue = z.core.$ZodIssue;

/** A document and what has read it. */
interface Read {
  readonly document: Document;
  readonly yaml: YamlReader;
}

const fieldOf = (path: Path): string => path.map(String).join('.');

/** Where a value begins; a key that is missing is shown at what should hold it. */
const offsetOf = (document: Document, path: Path): number => {
  const node = document.getIn(path, true) as Node | undefined;
  if (node?.range) return node.range[0];
  return path.length === 0 ? 0 : offsetOf(document, path.slice(0, -1));
};

const offsetOfKey = ({ document, yaml }: Read, path: Path, key: string): number => {
  const map: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = yaml.isMap(map)
    ? map.items.find((item) => yaml.isScalar(item.key) && item.key.value === key)
    : undefined;
  const found = yaml.isScalar(pair?.key) ? pair.key.range : undefined;
  return found?.[0] ?? offsetOf(document, path);
};

const quoted = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? 'nothing';

const unknownKey = (key: string, value: unknown, path: Path): string => {
  const { keys } = expectedAt(agentConfigSchema, value, path);
  const meant = nearestWord(key, keys);
  const hint = meant === null ? `known keys: ${keys.join(', ')}` : `did you mean ${quoted(meant)}?`;
  return `there is no key ${quoted(key)} here; ${hint}`;
};

const wrongValue = (issue: Issue, value: unknown): string => {
  const { description } = expectedAt(agentConfigSchema, value, issue.path);
  const found = valueAt(value, issue.path);
  const isPart = typeof found === 'object' && found !== null;
  const what = found === undefined ? 'is missing' : isPart ? 'is wrong' : `is ${quoted(found)}`;
  const meaning = description === null ? '' : ` (${description})`;
  return `${what}: ${issue.message.replace(/^Invalid input: /, '')}${meaning}`;
};

interface Found {
  readonly offset: number;
  readonly field: string;
  readonly message: string;
}

const mistakesOfIssue = (issue: Issue, read: Read, value: unknown): Found[] => {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      offset: offsetOfKey(read, issue.path, key),
      field: fieldOf([...issue.path, key]),
      message: unknownKey(key, value, issue.path),
    }));
  }
  const message = wrongValue(issue, value);
  return [{ offset: offsetOf(read.document, issue.path), field: fieldOf(issue.path), message }];
};

/** What keeps a document from having a value. A few lines of aliases could stand for gigabytes: they are refused. */
const mistakesOfForm = (document: Document, { visit: walk }: YamlReader): Found[] => {
  const found = document.errors.map(({ message, pos }) => ({
    offset: pos[0],
    field: '',
    message: `this is not YAML: ${message}`,
  }));
  walk(document, {
    Alias: (_key, { range }) => {
      const message = 'aliases are not read; write the value itself';
      found.push({ offset: range?.[0] ?? 0, field: '', message });
    },
  });
  return found;
};

const check = (document: Document, yaml: YamlReader): { config: AgentConfig | null; found: Found[] } => {
  const malformed = mistakesOfForm(document, yaml);
  if (malformed.length > 0) return { config: null, found: malformed };
  const value: unknown = document.toJS();
  const parsed = agentConfigSchema.safeParse(value);
  if (parsed.success) return { config: parsed.data, found: [] };
  const found = parsed.error.issues.flatMap((issue) => mistakesOfIssue(issue, { document, yaml }, value));
  return { config: null, found };
};

/** Checks the text of a file. */
export const checkConfigText = (text: string, yaml: YamlReader): CheckedConfig => {
  const lineCounter = new yaml.LineCounter();
  const { config, found } = check(yaml.parseDocument(text, { lineCounter, prettyErrors: false }), yaml);
  const mistakes = found.slice(0, CONFIG_MISTAKES_MAX).map(({ offset, field, message }) => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col), field, message };
  });
  return { config, mistakes: mistakes.toSorted((a, b) => a.line - b.line || a.column - b.column) };
};
