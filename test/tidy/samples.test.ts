// Shows each rule a small text that breaks it and one that does not: a rule that cannot fail is no rule.
import { describe, expect, it } from 'vitest';
import { documentedExports, nothingLeftForLater, opensWithComment } from './rules/comments.ts';
import { barrelsOnlyAtTheTop, importDirection, noCycles } from './rules/direction.ts';
import { badNames, machineWords } from './rules/names.ts';
import { fileSize, functionSize } from './rules/size.ts';
import { noAny, noBareError, noDefaultExport, noEmptyCatch, noNonNull } from './rules/types.ts';
import { noDeadExports, noDeadFiles } from './rules/unused.ts';
import {
  everyRimIsNeeded,
  noPlainStat,
  noSleepsInTests,
  onlyRimsTouchTheWorld,
  sqlHasNoClock,
  topicsInOnePlace,
} from './rules/world.ts';
import { parseSource, type Rule } from './source-file.ts';

type Sample = Readonly<Record<string, string>>;
interface Case {
  readonly title: string;
  readonly rule: Rule;
  readonly bad: Sample;
  readonly good: Sample;
}

const inAgent = (text: string): Sample => ({ 'agent/src/sample.ts': text });
const inTest = (text: string): Sample => ({ 'agent/src/sample.test.ts': text });
const lines = (count: number) => Array.from({ length: count }, (_, at) => `f(${at});`).join('\n');
const world = onlyRimsTouchTheWorld({ 'agent/src/rim.ts': ['clock', 'random', 'timers', 'env'] });
const inRim = (text: string): Sample => ({ 'agent/src/rim.ts': text });

/** The same text breaks the rule in an ordinary file and is right in a rim. */
function worldCase(text: string): Case {
  return { title: `the world: ${text}`, rule: world, bad: inAgent(text), good: inRim(text) };
}

const CASES: readonly Case[] = [
  {
    title: 'a plain look at a file',
    rule: noPlainStat,
    bad: inAgent('lstatSync(path);'),
    good: inAgent('lstatSync(path, { bigint: true });'),
  },
  {
    title: 'a package imports against the direction',
    rule: importDirection,
    bad: { 'runtime/src/a.ts': `import { x } from '@nanofleet/agent';` },
    good: { 'agent/src/a.ts': `import { x } from '@nanofleet/runtime/node';` },
  },
  {
    title: 'a type import, too, has a direction',
    rule: importDirection,
    bad: { 'cli/src/a.ts': `import type { X } from '@nanofleet/controller';` },
    good: { 'cli/src/a.ts': `import type { X } from '@nanofleet/protocol';` },
  },
  {
    title: 'a package is reached into by its name',
    rule: importDirection,
    bad: inAgent(`import { x } from '@nanofleet/protocol/src/topics.ts';`),
    good: inAgent(`import { x } from '@nanofleet/protocol/node';`),
  },
  {
    title: 'a package is reached into by a path',
    rule: importDirection,
    bad: inAgent(`const x = await import('../../controller/src/b.ts');`),
    good: inAgent(`const x = await import('./b.ts');`),
  },
  {
    title: 'what ships imports a twin',
    rule: importDirection,
    bad: inAgent(`import { MemoryDisk } from '@nanofleet/runtime/testing';`),
    good: inTest(`import { MemoryDisk } from '@nanofleet/runtime/testing';`),
  },
  {
    title: 'two files import one another',
    rule: noCycles,
    bad: {
      'agent/src/a.ts': `import { b } from './b.ts';`,
      'agent/src/b.ts': `import { c } from './deep/c.ts';`,
      'agent/src/deep/c.ts': `export { a } from '../a.ts';`,
    },
    good: { 'agent/src/a.ts': `import { b } from './b.ts';`, 'agent/src/b.ts': `export const b = 1;` },
  },
  {
    title: 'a barrel stands inside a package',
    rule: barrelsOnlyAtTheTop,
    bad: { 'agent/src/link/all.ts': `export * from './link.ts';` },
    good: { 'agent/src/index.ts': `export * from './link/link.ts';` },
  },
  {
    title: 'a file is long',
    rule: fileSize,
    bad: inAgent(lines(501)),
    good: inAgent(`${lines(400)}\n${'// why\n'.repeat(200)}`),
  },
  {
    title: 'a test is long, though a group of tests may be',
    rule: functionSize,
    bad: inTest(`describe.each([1])('x', () => { it('y', () => {\n${lines(69)}\n}); });`),
    good: inTest(`describe.each([1])('x', () => {\n${lines(90)}\n});`),
  },
  {
    title: 'a function is long',
    rule: functionSize,
    bad: inAgent(`const f = () => {\n${lines(69)}\n};`),
    good: inAgent(`const f = () => {\n${lines(68)}\n// why\n\n};`),
  },
  ...[
    'const x = Date.now();',
    'const x = new Date();',
    'const x = performance.now();',
    'const x = Math.random();',
    'const x = crypto.randomUUID();',
    `import { randomBytes } from 'node:crypto'; const x = randomBytes(8);`,
    'setTimeout(f, 5);',
    `import { setTimeout as sleep } from 'node:timers/promises';`,
    'const clock = { now: Date.now };',
    'const { NAME } = process.env;',
    'const x = AbortSignal.timeout(5);',
    'const f = setInterval;',
  ].map(worldCase),
  {
    title: 'a date is made of a number',
    rule: world,
    bad: inAgent('const x = new Date().toISOString();'),
    good: inAgent(
      'const x = new Date(5).toISOString(); const y = Date.UTC(2020, 1); const z = a instanceof Date;',
    ),
  },
  {
    title: 'a port has the name of what it hides',
    rule: world,
    bad: inAgent('const timers = { setTimeout };'),
    good: inAgent(
      'interface Timers { setTimeout(): void } const x = timers.setTimeout(); const d: Date = f();',
    ),
  },
  {
    title: 'a rim has a right that it does not use',
    rule: everyRimIsNeeded({ 'agent/src/sample.ts': ['clock'] }),
    bad: inAgent('const x = 1;'),
    good: inAgent('const x = Date.now();'),
  },
  {
    title: 'SQL looks at the clock',
    rule: sqlHasNoClock,
    bad: inAgent('const q = sql`select now()`;'),
    good: inAgent('const q = sql`select ${nowMs}`; const title = "now() is a function";'),
  },
  {
    title: 'a column takes the time of the database',
    rule: sqlHasNoClock,
    bad: inAgent('const at = timestamp().defaultNow();'),
    good: inAgent('const at = timestamp().notNull();'),
  },
  {
    title: 'a column has a default by chance',
    rule: sqlHasNoClock,
    bad: inAgent(`const q = 'id uuid default gen_random_uuid()';`),
    good: inAgent(`const q = 'id uuid not null';`),
  },
  {
    title: 'a topic is spelled outside its file',
    rule: topicsInOnePlace,
    bad: inAgent('const t = `nf/1/${fleet}`;'),
    good: { 'protocol/src/topics.ts': 'const t = `nf/1/${fleet}`;' },
  },
  {
    title: 'a test sleeps',
    rule: noSleepsInTests,
    bad: inTest('await new Promise((resolve) => setTimeout(resolve, 100));'),
    good: inTest('await eventually(() => expect(x).toBe(1)); vi.useFakeTimers();'),
  },
  {
    title: 'a test has the patience of a second',
    rule: noSleepsInTests,
    bad: inTest('await vi.waitFor(() => expect(x).toBe(1));'),
    good: inTest('await expect.poll(() => x).toBe(1);'),
  },
  {
    title: 'something is any',
    rule: noAny,
    bad: inAgent('const x = y as any;'),
    good: inAgent('const x: unknown = y;'),
  },
  {
    title: 'something is forced',
    rule: noNonNull,
    bad: inAgent('const x = y!.z;'),
    good: inAgent('const x = !y;'),
  },
  {
    title: 'an Error has no code',
    rule: noBareError,
    bad: inAgent(`throw new Error('no');`),
    good: inAgent(`throw new Problem('NOT_FOUND', 'no');`),
  },
  {
    title: 'an export has no name',
    rule: noDefaultExport,
    bad: inAgent('export default 1;'),
    good: { 'agent/some.config.ts': 'export default 1;' },
  },
  {
    title: 'a catch is silent',
    rule: noEmptyCatch,
    bad: inAgent('try { f(); } catch {}'),
    good: inAgent('try { f(); } catch { /* the socket is gone, which is what we wanted */ }'),
  },
  {
    title: 'a file does not say what it owns',
    rule: opensWithComment,
    bad: inAgent(`import { x } from './x.ts'; // owns x`),
    good: inAgent('#!/usr/bin/env node\n// Owns x.\nimport { x } from "./x.ts";'),
  },
  {
    title: 'an export is not documented',
    rule: documentedExports(1),
    bad: inAgent('/** One. */\nexport const a = 1;\n// Not a doc comment.\nexport interface B {}'),
    good: inAgent(
      '/** One. */\nexport const a = 1;\n/** A class. */\n@Injectable()\nexport class B {}\nconst c = 1;',
    ),
  },
  {
    title: 'something is left for later',
    rule: nothingLeftForLater,
    bad: inAgent('// TODO: everything'),
    good: inAgent(`const text = 'TODO';`),
  },
  {
    title: 'a file is reached from nowhere',
    rule: noDeadFiles,
    bad: { 'agent/src/index.ts': `export * from './a.ts';`, 'agent/src/a.ts': '', 'agent/src/b.ts': '' },
    good: {
      'agent/src/main.ts': `import './a.ts';`,
      'agent/src/a.ts': `new Worker(new URL('./b.js', import.meta.url));`,
      'agent/src/b.ts': '',
    },
  },
  {
    title: 'an export is imported nowhere',
    rule: noDeadExports,
    bad: { 'agent/src/a.ts': 'export const x = 1;', 'agent/src/main.ts': `import { y } from './a.ts';` },
    good: {
      'agent/src/a.ts': 'export interface X {} export const y = (): X => ({});',
      'agent/src/main.ts': `import { y } from './a.ts';`,
    },
  },
];

function violations(rule: Rule, sample: Sample): string[] {
  const files = Object.entries(sample).map(([path, text]) => parseSource(path, text));
  return rule(files).map(({ path, line, message }) => `${path}:${line} ${message}`);
}

describe('a rule of the workspace', () => {
  it.each(CASES)('fails where $title', ({ rule, bad }) => {
    expect(violations(rule, bad)).not.toEqual([]);
  });

  it.each(CASES)('holds beside where $title', ({ rule, good }) => {
    expect(violations(rule, good)).toEqual([]);
  });

  it('tells the line of what breaks it', () => {
    expect(violations(noAny, inAgent('const a = 1;\nconst b: any = 2;'))).toEqual([
      'agent/src/sample.ts:2 any: say unknown, or what it is',
    ]);
  });

  it('judges names by the file and its folders', () => {
    const good = [
      'agent/src/outbox/segment-log.ts',
      'controller/src/devices/devices.http.ts',
      'cli/src/main.test.ts',
    ];
    expect(badNames(good)).toEqual([]);
    const bad = [
      'agent/src/utils/x.ts',
      'agent/src/DeviceLink.ts',
      'agent/src/link-manager.ts',
      'cli/src/a_b.ts',
    ];
    expect(badNames(bad)).toHaveLength(bad.length);
  });

  it('finds words that are true on one machine only', () => {
    const path = ['', 'home', 'ada', 'fleet', 'a.ts'].join('/');
    expect(machineWords(`see ${path} and {tarball${':'} https://r.example/a.tgz}`)).toHaveLength(2);
    expect(machineWords('https://example.org/home/ada/ and /homes/1 and ../work/x and docs/work/x')).toEqual(
      [],
    );
  });
});
