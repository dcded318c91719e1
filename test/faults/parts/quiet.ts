/** Keeps the logs of programs that run within the test's process off the screen, and lets tests read them. */
import { vi } from 'vitest';
import { atEnd } from '../../endings.ts';

/** Takes standard error for the rest of the file; what was written since. */
export const keepStandardError = (): (() => string) => {
  let written = '';
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += String(text);
    return true;
  });
  atEnd(() => spy.mockRestore());
  return () => written;
};
