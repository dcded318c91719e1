// Rules on dead code: a file that nothing reaches, an export that nothing imports. What a barrel passes on counts as
// used, for the barrel is the package's promise.
import { importsOf } from '../imports.ts';
import type { Rule, SourceFile } from '../source-file.ts';
import { isTest, violation } from '../source-file.ts';

/** Files that are run or named by something other than an import. */
function isRoot(path: string): boolean {
  return (
    isTest(path) ||
    /^[a-z]+\/src\/((node|ports|mqtt|tls|testing)\/)?index\.ts$/.test(path) ||
    /\/(main|[a-z-]+-worker|vitest\.[a-z-]+)\.tsx?$/.test(path) ||
    path.endsWith('.config.ts') ||
    /^test\/(bench|soak)\/[^/]+\.ts$/.test(path)
  );
}

/** Each file is reached from a program, a barrel or a test. */
export const noDeadFiles: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const waiting = files.map(({ path }) => path).filter(isRoot);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) continue;
    reached.add(path);
    for (const { target } of importsOf(file)) if (target !== undefined) waiting.push(target);
  }
  return files
    .filter(({ path }) => !reached.has(path))
    .map((file) => violation(file, { start: 0 }, 'is reached from no program, barrel or test'));
};

function usesByFile(files: readonly SourceFile[]): Map<string, Set<string>> {
  const uses = new Map<string, Set<string>>();
  for (const { target, names } of files.flatMap(importsOf)) {
    if (target === undefined) continue;
    const known = uses.get(target) ?? new Set();
    for (const name of names) known.add(name);
    uses.set(target, known);
  }
  return uses;
}

/** How often a name stands in a text as a word of its own. */
function occurrences(text: string, name: string): number {
  return text.split(new RegExp(`(?<![\\w$])${name.replaceAll('$', '\\$')}(?![\\w$])`)).length - 1;
}

/**
 * Each exported value is imported somewhere. Types are exempt where their own file uses them: a signature that is
 * exported should have types that are.
 */
export const noDeadExports: Rule = (files) => {
  const uses = usesByFile(files);
  return files
    .filter(({ path }) => !isRoot(path))
    .flatMap((file) =>
      file.module.staticExports
        .flatMap(({ entries }) => entries)
        .filter(({ exportName, moduleRequest, isType }) => {
          const { name } = exportName;
          const used = uses.get(file.path);
          if (moduleRequest !== null || name === null || used?.has(name) === true || used?.has('*') === true)
            return false;
          return !(isType && occurrences(file.text, name) > 1);
        })
        .map((entry) => violation(file, entry, `exports ${entry.exportName.name}, which nothing imports`)),
    );
};
