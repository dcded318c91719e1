// Holds each package.json to the table of import directions.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MAY_IMPORT, PACKAGES } from './packages.ts';

const Manifest = z.object({ dependencies: z.record(z.string(), z.string()).optional() });

function workspaceDependencies(name: string): string[] {
  const url = new URL(`../../${name}/package.json`, import.meta.url);
  const manifest = Manifest.parse(JSON.parse(readFileSync(url, 'utf8')));
  return Object.keys(manifest.dependencies ?? {}).filter((dependency) =>
    dependency.startsWith('@nanofleet/'),
  );
}

describe('the packages of the workspace', () => {
  it.each(PACKAGES)('%s depends on packages that the table allows', (name) => {
    const allowed = (MAY_IMPORT[name] ?? []).map((target) => `@nanofleet/${target}`);
    expect(workspaceDependencies(name).filter((target) => !allowed.includes(target))).toEqual([]);
  });
});
