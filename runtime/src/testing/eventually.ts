/** Patience of tests with what really runs: a broker, a database, a process. Ends a hang, never judges speed. */

/** When to give up, and how often to try, in ms. */
export interface Patience {
  readonly withinMs?: number;
  readonly everyMs?: number;
}

/**
 * What `work` returns once it does not throw. Gives up before a test does by default, so that the reason is seen.
 * @throws what it threw last
 */
export const eventually = async <T>(
  work: () => T | Promise<T>,
  { everyMs = 20, withinMs = 25_000 }: Patience = {},
): Promise<T> => {
  const endMs = performance.now() + withinMs;
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      if (performance.now() >= endMs) throw thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
};
