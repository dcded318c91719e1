// Rules on who imports whom: the direction between packages, no reaching into another package, no cycles of files,
// barrels only as a package's index.ts.
import { type Import, importsOf, packageOf } from '../imports.ts';
import { MAY_IMPORT } from '../packages.ts';
import type { Rule, SourceFile, Violation } from '../source-file.ts';
import { isTest, violation } from '../source-file.ts';

/** Tests, what stands in a folder `testing` or is named `test-…`, and the package of wider tests. */
function isForTests(path: string): boolean {
  return isTest(path) || path.startsWith('test/') || /\/(testing\/|test-)/.test(path);
}

function directionFault(file: SourceFile, { request, target }: Import): string | undefined {
  const own = packageOf(file.path);
  if (target === undefined) return undefined;
  const other = packageOf(target);
  if (request.startsWith('.')) {
    return other === own ? undefined : `reaches into ${other} by a path; import @nanofleet/${other}`;
  }
  if (other === own) return `imports its own package by name; use a relative path`;
  if (!/^@nanofleet\/[a-z]+(\/(node|ports|mqtt|tls|testing))?$/.test(request))
    return `reaches into ${other}: only its barrels are public`;
  if (request.endsWith('/testing') && !isForTests(file.path))
    return 'ships, and must not import what is for tests';
  return MAY_IMPORT[own]?.includes(other) === true ? undefined : `${own} must not import ${other}`;
}

/** Packages import only what the table allows, by name, through a barrel. */
export const importDirection: Rule = (files) =>
  files.flatMap((file) =>
    importsOf(file).flatMap((entry) => {
      const fault = directionFault(file, entry);
      return fault === undefined ? [] : [violation(file, entry, fault)];
    }),
  );

/** Depth-first search for a way back to a file that is still open; types count, for they, too, tie files together. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const open: string[] = [];
  const search = (path: string): string[] | undefined => {
    if (open.includes(path)) return [...open.slice(open.indexOf(path)), path];
    if (done.has(path)) return undefined;
    open.push(path);
    for (const next of graph.get(path) ?? []) {
      const cycle = search(next);
      if (cycle !== undefined) return cycle;
    }
    open.pop();
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = search(path);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** No chain of imports leads back to its own beginning. */
export const noCycles: Rule = (files) => {
  const known = new Set(files.map(({ path }) => path));
  const targets = (file: SourceFile) =>
    importsOf(file).flatMap(({ target }) => (target !== undefined && known.has(target) ? [target] : []));
  const cycle = findCycle(new Map(files.map((file) => [file.path, targets(file)])));
  const [first] = cycle ?? [];
  return cycle === undefined || first === undefined
    ? []
    : [{ path: first, line: 1, message: `is in a cycle: ${cycle.join(' -> ')}` }];
};

/** Only a package's own barrels (`src/index.ts`, and those of `node`, `ports`, `mqtt`, `tls`, `testing`) pass on what other files export. */
export const barrelsOnlyAtTheTop: Rule = (files) =>
  files.flatMap((file): Violation[] => {
    if (/^[a-z]+\/src\/((node|ports|mqtt|tls|testing)\/)?index\.ts$/.test(file.path)) return [];
    const named = file.path.endsWith('/index.ts') ? [{ start: 0 }] : [];
    const passed = file.module.staticExports.filter(({ entries }) =>
      entries.some((entry) => entry.moduleRequest !== null),
    );
    return [...named, ...passed].map((at) =>
      violation(file, at, `is a barrel, but not its package's index.ts`),
    );
  });
