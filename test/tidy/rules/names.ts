// Rules on the names of files and folders. It looks at paths only.

const FOLDERS_BANNED = ['common', 'shared', 'utils', 'util', 'helpers', 'lib', 'misc'];
const WORDS_BANNED = /(^|-)(manager|helpers?|utils?|data|info)(-|\.|$)/;
/** Files of a domain folder end with a role (`devices.http.ts`); a test adds `.test`. */
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.tsx?$/;

/** Paths of TypeScript files whose names break the style, each with what is wrong. */
export function badNames(paths: readonly string[]): string[] {
  return paths
    .filter((path) => /\.tsx?$/.test(path))
    .flatMap((path) => {
      const parts = path.split('/');
      const file = parts.pop() ?? '';
      const folder = parts.find((part) => FOLDERS_BANNED.includes(part));
      if (folder !== undefined) return [`${path}: a folder named ${folder} says nothing`];
      if (!KEBAB.test(file)) return [`${path}: file names are kebab-case`];
      return WORDS_BANNED.test(file) ? [`${path}: the name holds a word that says nothing`] : [];
    });
}

/** A home or working folder of somebody's machine, or an address that a package was fetched from. */
const MACHINE = /(?<![\w.~-])\/(root|work|home\/[a-z]+|Users\/[a-z]+)\/[\w./-]*|tarball: *https?:[^\s}]*/g;

/** Words of a text that are true on one machine only. */
export function machineWords(text: string): string[] {
  return text.match(MACHINE) ?? [];
}
