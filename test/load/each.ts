// One thing after another of a list, some at a time.

/** Does it for all, `atOnce` of them at a time, the last one first; rejects with the first fault. */
export async function each<T>(
  all: readonly T[],
  atOnce: number,
  act: (one: T) => Promise<void>,
): Promise<void> {
  const left = [...all];
  const some = async (): Promise<void> => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) await act(one);
  };
  await Promise.all(Array.from({ length: atOnce }, some));
}
