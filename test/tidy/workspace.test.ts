// Holds the workspace to the rules. What each rule means, and that it can fail, is in samples.test.ts.
import { describe, expect, it } from 'vitest';
import { badNames } from './rules/names.ts';
import { RULES } from './rules.ts';
import type { Violation } from './source-file.ts';
import { packageFiles, readSources } from './workspace.ts';

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
});
