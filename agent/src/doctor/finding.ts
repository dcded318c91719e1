/** What one check of `doctor` found, and how that is shown. Owns the words around a finding; never checks anything. */

/** What one check found. */
export interface Finding {
  /** What was looked at. */
  readonly check: string;
  /** `wrong` makes the command fail; `doubtful` does not. */
  readonly state: 'fine' | 'doubtful' | 'wrong';
  /** What was found, with its value. */
  readonly found: string;
  /** What to do; null when there is nothing to do. */
  readonly todo: string | null;
}

const MARKS = { fine: 'ok', doubtful: '?', wrong: 'WRONG' } as const;

/** One finding as people read it. */
export const findingInWords = ({ check, state, found, todo }: Finding): string => {
  const told = `${MARKS[state].padEnd(6)} ${check.padEnd(12)} ${found}`;
  return todo === null ? told : `${told}\n       ${''.padEnd(12)} ${todo}`;
};

/** A finding that needs nothing. */
export const fine = (check: string, found: string): Finding => ({ check, state: 'fine', found, todo: null });

/** A finding that somebody must mend. */
export const wrong = (check: string, found: string, todo: string): Finding => ({
  check,
  state: 'wrong',
  found,
  todo,
});

/** A finding that may trouble later. */
export const doubtful = (check: string, found: string, todo: string): Finding => ({
  check,
  state: 'doubtful',
  found,
  todo,
});
