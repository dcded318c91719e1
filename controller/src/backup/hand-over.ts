/** Turns "call me with each item" into something that is iterated, item by item. Owns nothing but that. */

/** What `produce` gives, one at a time; it fails where it gives when nobody takes any more. */
export const handOver = <T>(
  produce: (give: (item: T) => Promise<void>) => Promise<void>,
): AsyncIterable<T> => {
  const { readable, writable } = new TransformStream<T, T>();
  const writer = writable.getWriter();
  produce((item) => writer.write(item))
    .then(
      () => writer.close(),
      (thrown: unknown) => writer.abort(thrown),
    )
    .catch(() => undefined);
  return readable;
};
