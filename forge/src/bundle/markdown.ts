// Owns the few forms of Markdown that cards are made of. It never knows what a card says.

/** A list with a line for each item. */
export const list = (items: readonly string[]): string => items.map((item) => `- ${item}`).join('\n');

/** A share, 0..1, as "93.47 %". */
export const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

/** A table; the first row names the columns. */
export function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

/** Paragraphs with an empty line between; empty ones are left out. */
export const document = (paragraphs: readonly string[]): string =>
  `${paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')}\n`;
