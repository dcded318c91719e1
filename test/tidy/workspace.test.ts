// Holds the workspace to the rules. What each rule means, and that it can fail, is in samples.test.ts.
import { describe, expect, it } from 'vitest';
import { badNames, machineWords } from './rules/names.ts';
import { RULES } from './rules.ts';
import type { Violation } from './source-file.ts';
import { documentPaths, packageFiles, readSources, readText } from './workspace.ts';

const sources = readSources();

function lines(violations: readonly Violation[]): string[] {
  return violations.map(({ path, line, message }) => `${path}:${line} ${message}`);
}

describe('the workspace', () => {
  it('has sources that the rules look at', () => {
    expect(sources.length).toBeGreaterThan(20);
  });

  it.each(RULES)('%s', (_title, rule) => {
    expect(lines(rule(sources))).toEqual([]);
  });

  it('names files and folders after what is in them', () => {
    expect(badNames(packageFiles())).toEqual([]);
  });

  it('names no machine, neither by a path nor by a registry', () => {
    const texts = [
      ...packageFiles(),
      ...documentPaths(),
      'package.json',
      'pnpm-lock.yaml',
      'pnpm-workspace.yaml',
    ];
    const readable = texts.filter((path) => /\.(ts|mjs|json|md|yaml|sql|jsonl)$/.test(path));
    const found = readable.flatMap((path) => machineWords(readText(path)).map((word) => `${path}: ${word}`));
    expect(found).toEqual([]);
  });
});
