/** Texts of foreign models before anybody sees them. Owns one rule; never shortens or translates. */

/** Controls but tab and line feed, and what turns the direction of writing: a terminal or page would obey them. */
const CONTROLS = /(?![\t\n])[\p{Cc}\p{Bidi_Control}\ufffe\uffff]/gu;

/** The text without characters that a terminal or page would obey instead of showing. */
export const plainText = (text: string): string => text.replace(CONTROLS, '');
