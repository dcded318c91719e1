/** Lines of a stream that comes once, such as standard input. Waits for the feed, so that a pipe holds its writer back. */
import { LineCutter } from './line-cutter.ts';
import type { ReaderTarget, SourceReader } from './source-reader.ts';

/** Reads lines of `input`. @param lineBytesMax longer lines are dropped and counted */
export const makeStreamReader = (
  input: () => AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): SourceReader => ({
  run: async (target: ReaderTarget, signal: AbortSignal) => {
    const cutter = new LineCutter(lineBytesMax);
    const putAll = async (lines: ReturnType<LineCutter['push']>): Promise<void> => {
      for (const { text } of lines) {
        if (text === null) target.drop('tooLarge');
        else if (text.trim() !== '') await target.put({ text });
      }
    };
    target.opened();
    for await (const chunk of input()) {
      if (signal.aborted) return;
      await putAll(cutter.push(chunk));
    }
    await putAll(cutter.end());
  },
});
