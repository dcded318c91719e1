import { ERRORS } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { pointedAt } from './links.ts';
import { PACKAGES } from './packages.ts';
import { documentPaths, exists, packageFiles, readText, rootEntries } from './workspace.ts';

const Manifest = z.object({
  dependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
});

/** Names in code marks of the first column of a document's tables. */
function firstColumn(document: string): string[] {
  return document
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''));
}

function dependenciesOf(path: string): string[] {
  const { dependencies, devDependencies, optionalDependencies } = Manifest.parse(JSON.parse(readText(path)));
  return [dependencies, devDependencies, optionalDependencies].flatMap((some) => Object.keys(some ?? {}));
}

describe('the documents', () => {
  it('list the codes of the error registry, each once', () => {
    expect(firstColumn(readText('docs/errors.md')).sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it('give each error code its status, fault and whether to retry', () => {
    const rows = readText('docs/errors.md').split('\n');
    const wrong = Object.entries(ERRORS).filter(([code, { status, fault, retryable }]) => {
      const cells = [`\`${code}\``, String(status), fault, retryable ? 'yes' : 'no'].join(' | ');
      return !rows.some((row) => row.startsWith(`| ${cells} |`));
    });
    expect(wrong.map(([code]) => code)).toEqual([]);
  });

  it('map every folder of the root', () => {
    const mapped = firstColumn(readText('docs/architecture.md'));
    const folders = rootEntries()
      .filter(({ name, isFolder }) => isFolder && !name.startsWith('.'))
      .map(({ name }) => `${name}/`);
    expect(folders.filter((folder) => !mapped.includes(folder))).toEqual([]);
  });

  it('state for every package whom it may import', () => {
    const rows = readText('docs/architecture.md').split('\n');
    expect(PACKAGES.filter((name) => !rows.some((row) => row.startsWith(`| \`${name}/\` |`)))).toEqual([]);
  });

  it('account for every dependency, and for none that is gone', () => {
    const files = ['package.json', ...PACKAGES.map((name) => `${name}/package.json`)];
    const used = new Set(files.flatMap(dependenciesOf).filter((name) => !name.startsWith('@nanofleet/')));
    expect(firstColumn(readText('docs/decisions/dependencies.md')).sort()).toEqual([...used].sort());
  });

  it('explain the figures of every benchmark and campaign', () => {
    const sections = readText('test/bench/README.md').split('\n');
    const programs = packageFiles()
      .map((path) => /^test\/(?:bench|soak)\/([^/]+)\.ts$/.exec(path)?.[1])
      .filter((name) => name !== undefined);
    expect(programs.filter((name) => !sections.includes(`## ${name}`))).toEqual([]);
  });

  it('point at what exists', () => {
    const dead = documentPaths().flatMap((path) =>
      pointedAt(path, readText(path))
        .filter((target) => !exists(target))
        .map((target) => `${path} -> ${target}`),
    );
    expect(dead).toEqual([]);
  });

  it('are read for links, pictures and paths in code marks', () => {
    const text = '[a](b.md#c) [d](https://x.org) <img src="p.svg"> `agent/src/e.ts` `agent/dist/f.js` `g/h`';
    expect(pointedAt('docs/a.md', text)).toEqual(['docs/b.md', 'docs/p.svg', 'agent/src/e.ts']);
  });
});
