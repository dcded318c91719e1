// The list of all rules over source files, by title. A rule that is not in this list is not in force.
import { documentedExports, nothingLeftForLater, opensWithComment } from './rules/comments.ts';
import { barrelsOnlyAtTheTop, importDirection, noCycles } from './rules/direction.ts';
import { fileSize, functionSize } from './rules/size.ts';
import { noAny, noBareError, noDefaultExport, noEmptyCatch, noNonNull } from './rules/types.ts';
import { noDeadExports, noDeadFiles } from './rules/unused.ts';
import { noPlainStat, noSleepsInTests, rims, sqlHasNoClock, topicsInOnePlace } from './rules/world.ts';
import type { Rule } from './source-file.ts';

/** Share of exported declarations that must carry a doc comment. It only ever rises. */
const DOCUMENTED_SHARE = 0.99;

/** Every rule in force, as a sentence and its check. */
export const RULES: readonly (readonly [title: string, rule: Rule])[] = [
  ['packages import in the one direction, by name, through barrels', importDirection],
  ['no chain of imports comes back to its beginning', noCycles],
  ['only a package has a barrel', barrelsOnlyAtTheTop],
  ['files have at most 500 lines of code', fileSize],
  ['functions have at most 70 lines of code', functionSize],
  ['only rims touch the clock, chance, timers and settings', rims],
  ['SQL asks the database for neither time nor chance', sqlHasNoClock],
  ['topics are spelled in one file', topicsInOnePlace],
  ['tests wait for conditions', noSleepsInTests],
  ['a look at a file leaves imports alone', noPlainStat],
  ['nothing is any', noAny],
  ['nothing is declared non-null by force', noNonNull],
  ['shipped code creates no bare Error', noBareError],
  ['exports have names', noDefaultExport],
  ['an empty catch says why', noEmptyCatch],
  ['files say first what they own', opensWithComment],
  ['exported declarations are documented', documentedExports(DOCUMENTED_SHARE)],
  ['nothing is left for later', nothingLeftForLater],
  ['every file is reached from somewhere', noDeadFiles],
  ['every export is imported somewhere', noDeadExports],
];
