// Rules on size. Lines of code are lines that hold more than space and comments.
import type { Rule, SourceFile, SyntaxNode } from '../source-file.ts';
import { child, nameOf, violation, walk } from '../source-file.ts';

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** Lines of a span that hold code. */
function linesOfCode(
  file: SourceFile,
  { start, end }: { readonly start: number; readonly end: number },
): number {
  let text = file.text;
  for (const comment of file.comments) {
    const blank = text.slice(comment.start, comment.end).replace(/[^\n]/g, ' ');
    text = text.slice(0, comment.start) + blank + text.slice(comment.end);
  }
  return text
    .slice(start, end)
    .split('\n')
    .filter((line) => line.trim() !== '').length;
}

/** A file has at most 500 lines of code. */
export const fileSize: Rule = (files) =>
  files.flatMap((file) => {
    const lines = linesOfCode(file, { start: 0, end: file.text.length });
    return lines > FILE_LINES_MAX ? [violation(file, { start: 0 }, `has ${lines} lines of code`)] : [];
  });

/** The name at the root of a call: `describe` in `describe.each(rows)(title, callback)`. */
function rootName(node: SyntaxNode | undefined): string | undefined {
  if (node === undefined || node.type === 'Identifier') return nameOf(node);
  return rootName(child(node, 'callee') ?? child(node, 'object') ?? child(node, 'tag'));
}

/** The callback of `describe` is a list of tests, not a function that one has to follow. */
function isTestGroup(parent: SyntaxNode | undefined): boolean {
  return parent?.type === 'CallExpression' && rootName(child(parent, 'callee')) === 'describe';
}

/** A function has at most 70 lines of code. */
export const functionSize: Rule = (files) =>
  files.flatMap((file) => {
    const found: ReturnType<Rule> = [];
    walk(file.program, (node, [parent]) => {
      if (!FUNCTIONS.has(node.type) || isTestGroup(parent)) return;
      const lines = linesOfCode(file, node);
      if (lines > FUNCTION_LINES_MAX)
        found.push(violation(file, node, `a function has ${lines} lines of code`));
    });
    return found;
  });
