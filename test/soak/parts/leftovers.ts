// What a device still has of something that was there and was taken away: entries of the written layer that are not as in
// the root below it. Reads both; times do not count.
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/**
 * The copies that Debian's programs for users keep of the files before their last change, and their lock. Whoever adds
 * or removes any user writes them; they are the system's, and the next change overwrites them.
 */
const OF_THE_SYSTEM = /^\/etc\/((passwd|group|shadow|gshadow|subuid|subgid)-|\.pwd\.lock)$/;

/** What differs. */
export interface Leftovers {
  readonly leftovers: readonly string[];
  /** Differing files of the system's own; see above. */
  readonly ofTheSystem: readonly string[];
}

/** Compares a layer with what is below it. */
export function leftoversOf({ upper, lower }: { upper: string; lower: string }): Leftovers {
  const changed = readdirSync(upper, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name).slice(upper.length))
    .filter((path) => !isSame(join(upper, path), join(lower, path)))
    .toSorted();
  return {
    leftovers: changed.filter((path) => !OF_THE_SYSTEM.test(path)),
    ofTheSystem: changed.filter((path) => OF_THE_SYSTEM.test(path)),
  };
}

const kindOf = (stats: Stats): number => stats.mode & 0o170_000;

function isSame(above: string, below: string): boolean {
  const [a, b] = [lstatSync(above), lstatSync(below, { throwIfNoEntry: false })];
  // A removed entry is a character device of numbers 0 and 0; one that was never below is nothing.
  if (b === undefined) return a.isCharacterDevice() && a.rdev === 0;
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid || kindOf(a) !== kindOf(b)) return false;
  if (a.isSymbolicLink()) return readlinkSync(above) === readlinkSync(below);
  return !a.isFile() || readFileSync(above).equals(readFileSync(below));
}
