// What each file imports and exports, resolved to files and packages of the workspace: the ground of the rules on
// direction, cycles and dead code.
import { dirname, join, normalize } from 'node:path/posix';
import type { SourceFile } from './source-file.ts';

/** One import or re-export. `names` holds the imported names, `*` for all of them. */
export interface Import {
  readonly from: string;
  readonly request: string;
  readonly start: number;
  readonly names: readonly string[];
  readonly typeOnly: boolean;
  /** Path of the file for a relative request, or of the barrel for a package of ours; undefined for others. */
  readonly target: string | undefined;
}

/** Name of the package folder that a path is in. */
export function packageOf(path: string): string {
  return path.slice(0, path.indexOf('/'));
}

function targetOf(from: string, request: string): string | undefined {
  if (request.startsWith('.')) return normalize(join(dirname(from), request));
  const [scope, name, ...rest] = request.split('/');
  if (scope !== '@nanofleet' || name === undefined) return undefined;
  return [name, 'src', ...rest, 'index.ts'].join('/');
}

function literal(
  file: SourceFile,
  span: { readonly start: number; readonly end: number },
): string | undefined {
  return /^['"`]([^'"`$]*)['"`]$/.exec(file.text.slice(span.start, span.end))?.[1];
}

function staticImports(file: SourceFile): Import[] {
  return file.module.staticImports.map(({ moduleRequest, entries, start }) => ({
    from: file.path,
    request: moduleRequest.value,
    start,
    names: entries.map(
      ({ importName }) => importName.name ?? (importName.kind === 'Default' ? 'default' : '*'),
    ),
    typeOnly: entries.length > 0 && entries.every(({ isType }) => isType),
    target: targetOf(file.path, moduleRequest.value),
  }));
}

function reExports(file: SourceFile): Import[] {
  return file.module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest, importName, isType, start }) => {
      if (moduleRequest === null) return [];
      const target = targetOf(file.path, moduleRequest.value);
      const names = [importName.name ?? '*'];
      return [{ from: file.path, request: moduleRequest.value, start, names, typeOnly: isType, target }];
    }),
  );
}

/** `import('./x.ts')` and `new URL('./x-worker.ts', import.meta.url)`: the whole module is in use. */
function dynamicImports(file: SourceFile): Import[] {
  const requests = file.module.dynamicImports.map(({ moduleRequest, start }) => ({
    request: literal(file, moduleRequest),
    start,
  }));
  const urls = [...file.text.matchAll(/new URL\(\s*['"`](\.[^'"`$]*)\.[jt]s['"`],\s*import\.meta\.url/g)];
  for (const url of urls) requests.push({ request: `${url[1]}.ts`, start: url.index });
  return requests.flatMap(({ request, start }) => {
    if (request === undefined) return [];
    return [
      {
        from: file.path,
        request,
        start,
        names: ['*'],
        typeOnly: false,
        target: targetOf(file.path, request),
      },
    ];
  });
}

/** Every import of a file: static, re-exported, dynamic, worker programs. */
export function importsOf(file: SourceFile): Import[] {
  return [...staticImports(file), ...reExports(file), ...dynamicImports(file)];
}
