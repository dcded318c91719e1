// What documents point at: relative links, and paths of our packages in code marks. It reads no disk; whether a
// target exists is asked of the caller.
import { dirname, join, normalize } from 'node:path/posix';
import { PACKAGES } from './packages.ts';

const LINK = /\]\(([^)#\s]+)(?:#[^)]*)?\)|src="([^"]+)"/g;
const PATH_IN_CODE = new RegExp(`\`((?:${PACKAGES.join('|')}|docs|scripts)/[\\w./-]*)\``, 'g');
/** Folders that a build or a run makes, and words in braces that stand for many. */
const MADE = /\/(dist|runs)(\/|$)/;

/** What a document points at inside the workspace, relative to the root. */
export function pointedAt(path: string, text: string): string[] {
  const links = [...text.matchAll(LINK)]
    .map((match) => match[1] ?? match[2] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => normalize(join(dirname(path), target)));
  const named = [...text.matchAll(PATH_IN_CODE)].map((match) => match[1] ?? '');
  return [...links, ...named].filter((target) => !MADE.test(target));
}
