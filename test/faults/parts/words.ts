/** Matchers of texts for people, with a type that says nothing of them. Owns no wording. */
import { expect } from 'vitest';

/** Any text with these words in it. */
export const containing = (words: string): unknown => expect.stringContaining(words);

/** Any text that a pattern fits. */
export const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
