/** Texts of messages to decisions of a text line. Owns finding the text; a decision is recorded as any other. */
import { NanofleetError } from '@nanofleet/protocol';
import { followJsonPath } from './json-path.ts';
import type { SourceConfig, TextConfig } from './source-config.ts';
import type { SourceFeed, SourceLines } from './source-feed.ts';
import type { SourceMessage } from './source-message.ts';
import type { SourceTally } from './source-tally.ts';

const textIn = (message: SourceMessage, { path, words }: TextConfig): string | null => {
  const found = path === 'whole' ? message.text : followJsonPath(message.value, path);
  if (words === undefined) return typeof found === 'string' ? found : null;
  return Object.hasOwn(words, String(found)) ? (words[String(found)] ?? null) : null;
};

/** Makes the feed of a source that gives texts. */
export const makeTextFeed = (
  config: TextConfig,
  options: { line: SourceConfig['line']; lines: SourceLines; tally: SourceTally },
): SourceFeed => {
  const { line, lines, tally } = options;
  return {
    take: async (message) => {
      const text = textIn(message, config);
      if (text === null) return tally.drop('malformed');
      try {
        await lines.decide(text, line === undefined ? {} : { line });
        tally.took(0);
      } catch (thrown) {
        if (!(thrown instanceof NanofleetError) || !thrown.code.startsWith('TEXT_')) throw thrown;
        tally.drop('refused', `${thrown.code}: ${thrown.message}`);
      }
    },
    interrupt: () => Promise.resolve(),
  };
};
