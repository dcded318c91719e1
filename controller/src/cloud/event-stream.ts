/**
 * Server-sent events (WHATWG HTML, 9.2.6) out of chunks of bytes: the data of each event. Knows no meaning of the data.
 */
import { broken } from './failure.ts';

/**
 * Cuts chunks into events. Comments and fields other than `data` are left out; a last event without its blank line is
 * given all the same, for some servers forget it.
 * @param bytesMax more bytes in the whole are refused
 * @throws ProviderFailure PROVIDER_STREAM_BROKEN
 */
export async function* eventsOf(
  chunks: AsyncIterable<Uint8Array>,
  { bytesMax }: { bytesMax: number },
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let rest = '';
  let fields: string[] = [];
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw broken(`it has more than ${bytesMax} bytes`);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') fields.push(line);
      else {
        const text = dataOf(fields);
        fields = [];
        if (text !== null) yield text;
      }
    }
  }
  const last = dataOf([...fields, rest + decoder.decode()]);
  if (last !== null) yield last;
}

const dataOf = (fields: readonly string[]): string | null => {
  const data = fields.flatMap((field) => {
    const found = /^data(?:: ?(.*))?$/s.exec(field);
    return found === null ? [] : [found[1] ?? ''];
  });
  return data.length === 0 ? null : data.join('\n');
};
