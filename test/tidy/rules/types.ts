// Rules on types and errors: nothing untyped, no bare Error, no default exports but in configuration.
import type { Rule, SourceFile, SyntaxNode, Violation } from '../source-file.ts';
import { child, isShipped, nameOf, violation, walk } from '../source-file.ts';

/** Makes a rule out of a look at one node: the returned text is the violation's message. */
function eachNode(fault: (node: SyntaxNode) => string | undefined, applies: (path: string) => boolean): Rule {
  return (files) =>
    files
      .filter(({ path }) => applies(path))
      .flatMap((file: SourceFile) => {
        const found: Violation[] = [];
        walk(file.program, (node) => {
          const message = fault(node);
          if (message !== undefined) found.push(violation(file, node, message));
        });
        return found;
      });
}

/** No `any`. */
export const noAny = eachNode(
  (node) => (node.type === 'TSAnyKeyword' ? 'any: say unknown, or what it is' : undefined),
  () => true,
);

/** No non-null `!`. */
export const noNonNull = eachNode(
  (node) => (node.type === 'TSNonNullExpression' ? 'a non-null !: prove it or assert it' : undefined),
  () => true,
);

/** Shipped code never creates a bare Error: an expected failure has a code, a broken invariant an assertion. */
export const noBareError = eachNode((node) => {
  const isCall = node.type === 'NewExpression' || node.type === 'CallExpression';
  return isCall && nameOf(child(node, 'callee')) === 'Error'
    ? 'a bare Error: use the registry of protocol/src/errors.ts, or an assertion'
    : undefined;
}, isShipped);

/** Names travel with their exports. */
export const noDefaultExport = eachNode(
  (node) => (node.type === 'ExportDefaultDeclaration' ? 'a default export' : undefined),
  (path) => !path.endsWith('.config.ts'),
);

/** No catch swallows what it caught without a word: an empty one must say why in a comment, and then is not empty. */
export const noEmptyCatch: Rule = (files) =>
  files
    .filter(({ path }) => isShipped(path))
    .flatMap((file) => {
      const found: Violation[] = [];
      walk(file.program, (node) => {
        const body = node.type === 'CatchClause' ? child(node, 'body') : undefined;
        if (body === undefined || !Array.isArray(body['body']) || body['body'].length > 0) return;
        const says = file.comments.some(({ start, end }) => start > body.start && end < body.end);
        if (!says) found.push(violation(file, node, 'an empty catch without a reason'));
      });
      return found;
    });
