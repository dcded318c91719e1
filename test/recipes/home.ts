// A device's directory as recipes tell it: one agent.yaml of all pages, their files, ports and places of the test.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BrokenInvariant } from '@nanofleet/protocol';
import { writeLoneIdentity } from '../faults/parts/agents.ts';
import type { Recipe } from './recipe.ts';

const VERSION = 'version: 1\n';
const SECTION = /^(\w+):(.*)\n((?: .*\n)*)/gm;

/** The sections of several files as one file; what they name has different names. */
const merged = (configs: readonly string[]): string => {
  const sections = new Map<string, string>();
  for (const config of configs) {
    if (!config.startsWith(VERSION)) throw new BrokenInvariant('a recipe begins with its version');
    for (const [, key = '', value = '', body = ''] of config.slice(VERSION.length).matchAll(SECTION))
      sections.set(key, `${sections.get(key) ?? `${key}:${value}\n`}${body}`);
  }
  return `${VERSION}bundles: ../bundles\n${[...sections.values()].join('')}`;
};

/** A device with an identity, settings and files. @param here what ports and places are called in the test */
export const makeHome = (
  directory: string,
  following: readonly Recipe[],
  options: { publisher: string; here: (text: string) => string },
): void => {
  const { publisher, here } = options;
  writeLoneIdentity(directory, { publisher });
  writeFileSync(join(directory, 'agent.yaml'), here(merged(following.map(({ config }) => config))));
  for (const { files } of following)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), here(text));
};

/** A program under the name that recipes call it by. */
export const install = (directory: string, name: string, program: string): void => {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`);
  chmodSync(path, 0o755);
};
