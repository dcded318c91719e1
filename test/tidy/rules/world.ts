// Rules on touching the world: clock, chance, timers and settings only in rims; topic strings only in one file; no
// fixed sleeps in tests. This is what lets a whole fleet be replayed in virtual time.
import { RIMS, type World } from '../rims.ts';
import type { Rule, SourceFile, SyntaxNode, Violation } from '../source-file.ts';
import { child, isShipped, isTest, nameOf, violation, walk } from '../source-file.ts';

const GLOBALS: Readonly<Record<string, World>> = {
  Date: 'clock',
  performance: 'clock',
  setTimeout: 'timers',
  setInterval: 'timers',
  setImmediate: 'timers',
  randomUUID: 'random',
  randomBytes: 'random',
  randomInt: 'random',
  randomFillSync: 'random',
};
const MEMBERS: Readonly<Record<string, World>> = {
  'Math.random': 'random',
  'crypto.randomUUID': 'random',
  'crypto.getRandomValues': 'random',
  'crypto.randomBytes': 'random',
  'process.env': 'env',
  'process.hrtime': 'clock',
  'process.uptime': 'clock',
  'AbortSignal.timeout': 'timers',
};
const SQL_CLOCKS =
  /\b(now|random|gen_random_uuid|clock_timestamp|statement_timestamp)\(\)|\bcurrent_timestamp\b/i;
const SQL = /\b(select|insert|update|delete|default|create|where)\b/i;

/** A name that is a key, a type or a declaration does not touch anything. */
function isUse(node: SyntaxNode, parent: SyntaxNode | undefined): boolean {
  if (parent === undefined || parent.type.startsWith('TS') || parent.type === 'ImportSpecifier') return false;
  const isKey = (parent['property'] === node && parent['computed'] !== true) || parent['key'] === node;
  return !isKey || parent['shorthand'] === true;
}

/** `new Date(0)` is arithmetic; `new Date()`, `Date.now()` and `Date()` look at the clock. */
function isDateArithmetic(node: SyntaxNode, parent: SyntaxNode | undefined): boolean {
  if (parent?.type === 'NewExpression')
    return Array.isArray(parent['arguments']) && parent['arguments'].length > 0;
  if (parent?.type === 'BinaryExpression') return parent['operator'] === 'instanceof';
  const property = parent?.type === 'MemberExpression' ? child(parent, 'property') : undefined;
  return parent?.['object'] === node && nameOf(property) !== 'now';
}

function touchedBy(node: SyntaxNode, parent: SyntaxNode | undefined): World | undefined {
  if (node.type === 'MemberExpression') {
    return MEMBERS[`${nameOf(child(node, 'object'))}.${nameOf(child(node, 'property'))}`];
  }
  if (node.type === 'ImportDeclaration') {
    return child(node, 'source')?.['value'] === 'node:timers/promises' ? 'timers' : undefined;
  }
  if (node.type !== 'Identifier' || !isUse(node, parent)) return undefined;
  const name = nameOf(node) ?? '';
  if (name === 'Date' && isDateArithmetic(node, parent)) return undefined;
  return Object.hasOwn(GLOBALS, name) ? GLOBALS[name] : undefined;
}

function touches(file: SourceFile): { readonly world: World; readonly node: SyntaxNode }[] {
  const found: { world: World; node: SyntaxNode }[] = [];
  walk(file.program, (node, [parent]) => {
    const world = touchedBy(node, parent);
    if (world !== undefined) found.push({ world, node });
  });
  return found;
}

/** Makes the rule on rims for a given table, so that the rule itself can be tested. */
export function onlyRimsTouchTheWorld(rims: Readonly<Record<string, readonly World[]>>): Rule {
  return (files) =>
    files
      .filter(({ path }) => isShipped(path) && !path.endsWith('/src/main.ts'))
      .flatMap((file) => {
        const allowed = rims[file.path] ?? [];
        return touches(file)
          .filter(({ world }) => !allowed.includes(world))
          .map(({ world, node }) =>
            violation(file, node, `touches the ${world} outside a rim (test/tidy/rims.ts)`),
          );
      });
}

/** Every line of the table of rims is needed. */
export function everyRimIsNeeded(rims: Readonly<Record<string, readonly World[]>>): Rule {
  return (files) =>
    Object.entries(rims).flatMap(([path, worlds]) => {
      const file = files.find((candidate) => candidate.path === path);
      if (file === undefined) return [{ path, line: 1, message: 'is a rim in the table, but not a file' }];
      const touched = new Set(touches(file).map(({ world }) => world));
      return worlds
        .filter((world) => !touched.has(world))
        .map((world) => ({ path, line: 1, message: `has the right to the ${world} and does not use it` }));
    });
}

/** The rule on rims with the workspace's own table. */
export const rims: Rule = (files) => [
  ...onlyRimsTouchTheWorld(RIMS)(files),
  ...everyRimIsNeeded(RIMS)(files),
];

function strings(
  file: SourceFile,
): { readonly text: string; readonly node: SyntaxNode; readonly isSql: boolean }[] {
  const found: { text: string; node: SyntaxNode; isSql: boolean }[] = [];
  walk(file.program, (node, [, grandparent]) => {
    const text = node.type === 'TemplateElement' ? file.text.slice(node.start, node.end) : node['value'];
    if (typeof text !== 'string' || (node.type !== 'Literal' && node.type !== 'TemplateElement')) return;
    const tag = grandparent?.type === 'TaggedTemplateExpression' ? child(grandparent, 'tag') : undefined;
    found.push({ text, node, isSql: nameOf(tag) === 'sql' || SQL.test(text) });
  });
  return found;
}

/** SQL takes the time and chance as parameters: the database's own would escape virtual time. */
export const sqlHasNoClock: Rule = (files) =>
  files
    .filter(({ path }) => isShipped(path))
    .flatMap((file): Violation[] => {
      const found = strings(file)
        .filter(({ text, isSql }) => isSql && SQL_CLOCKS.test(text))
        .map(({ node }) => node);
      walk(file.program, (node) => {
        const property = node.type === 'MemberExpression' ? nameOf(child(node, 'property')) : undefined;
        if (property === 'defaultNow' || property === 'defaultRandom') found.push(node);
      });
      return found.map((node) => violation(file, node, 'SQL asks the database for the time or for chance'));
    });

/** Topics are built and parsed in protocol/src/topics.ts alone. */
export const topicsInOnePlace: Rule = (files) =>
  files
    .filter(
      ({ path }) => !/^protocol\/src\/topics(\.test)?\.ts$/.test(path) && !path.startsWith('test/tidy/'),
    )
    .flatMap((file) =>
      strings(file)
        .filter(({ text }) => text.includes('nf/1'))
        .map(({ node }) =>
          violation(file, node, 'spells a topic; use the functions of protocol/src/topics.ts'),
        ),
    );

/** A test waits for a condition, never for a while. */
export const noSleepsInTests: Rule = (files) =>
  files
    .filter(({ path }) => isTest(path))
    .flatMap((file) => {
      const found: Violation[] = [];
      walk(file.program, (node, [parent]) => {
        const isTimer = node.type === 'ImportDeclaration' && touchedBy(node, parent) === 'timers';
        const isCall = node.type === 'CallExpression' && nameOf(child(node, 'callee')) === 'setTimeout';
        if (isTimer || isCall) found.push(violation(file, node, 'sleeps; wait for a condition (eventually)'));
        if (
          node.type === 'MemberExpression' &&
          nameOf(child(node, 'property')) === 'waitFor' &&
          nameOf(child(node, 'object')) === 'vi'
        )
          found.push(violation(file, node, 'gives up after one second; wait with eventually'));
      });
      return found;
    });

/** Looks that write into the array that Node's resolving of symbolic links reads (nodejs/node#51142). */
const PLAIN_LOOKS = ['statSync', 'lstatSync'];

/** After a plain synchronous look at a socket or pipe, imports resolve no symbolic links: `bigint: true` looks elsewhere. */
export const noPlainStat: Rule = (files) =>
  files
    .filter(({ path }) => isShipped(path))
    .flatMap((file) => {
      const found: Violation[] = [];
      walk(file.program, (node) => {
        const isLook =
          node.type === 'CallExpression' && PLAIN_LOOKS.includes(nameOf(child(node, 'callee')) ?? '');
        if (isLook && !/bigint: true/.test(file.text.slice(node.start, node.end)))
          found.push(
            violation(file, node, 'looks at a file so that later imports may fail; say bigint: true'),
          );
      });
      return found;
    });
