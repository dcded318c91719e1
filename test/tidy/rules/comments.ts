// Rules on comments: each file opens with what it owns, exported things are documented, nothing is left for later.
import type { Rule, SourceFile, SyntaxNode, Violation } from '../source-file.ts';
import { child, isShipped, isTest, nameOf, violation } from '../source-file.ts';

const DECLARATIONS = new Set([
  'ClassDeclaration',
  'FunctionDeclaration',
  'VariableDeclaration',
  'TSInterfaceDeclaration',
  'TSTypeAliasDeclaration',
  'TSEnumDeclaration',
]);

/** A file opens with a comment; a file of tests says by its titles what it is about, an empty barrel says nothing. */
export const opensWithComment: Rule = (files) =>
  files
    .filter(({ path, text }) => !isTest(path) && text.trim() !== 'export {};')
    .flatMap((file) => {
      const text = file.text.replace(/^#!.*\n/, '');
      return /^\s*(\/\/|\/\*)/.test(text) ? [] : [violation(file, { start: 0 }, 'does not say what it owns')];
    });

function nameIn(declaration: SyntaxNode): string {
  const [first] = Array.isArray(declaration['declarations'])
    ? (declaration['declarations'] as SyntaxNode[])
    : [];
  return nameOf(child(first ?? declaration, 'id')) ?? '?';
}

/** A type that is only another form of a value (`z.infer<typeof schema>`) is documented where the value is. */
function isDerived(file: SourceFile, declaration: SyntaxNode): boolean {
  const text = file.text.slice(declaration.start, declaration.end);
  return declaration.type === 'TSTypeAliasDeclaration' && text.includes('typeof ');
}

/** Exported declarations of a file with whether a doc comment stands right before each (decorators included). */
function exportedDeclarations(
  file: SourceFile,
): { readonly name: string; readonly start: number; readonly documented: boolean }[] {
  const body = Array.isArray(file.program['body']) ? (file.program['body'] as SyntaxNode[]) : [];
  return body.flatMap((statement) => {
    const declaration =
      statement.type === 'ExportNamedDeclaration' ? child(statement, 'declaration') : undefined;
    if (declaration === undefined || !DECLARATIONS.has(declaration.type)) return [];
    if (isDerived(file, declaration)) return [];
    const decorators = (declaration['decorators'] ?? []) as SyntaxNode[];
    const start = Math.min(statement.start, ...decorators.map((decorator) => decorator.start));
    const documented = file.comments.some(
      (comment) =>
        comment.value.startsWith('*') &&
        comment.end <= start &&
        file.text.slice(comment.end, start).trim() === '',
    );
    return [{ name: nameIn(declaration), start, documented }];
  });
}

/** Makes the rule that at least this share of the exported declarations of shipped code is documented. */
export function documentedExports(share: number): Rule {
  return (files) => {
    const all = files
      .filter(({ path }) => isShipped(path))
      .flatMap((file) => exportedDeclarations(file).map((entry) => ({ file, ...entry })));
    const missing = all.filter(({ documented }) => !documented);
    if (missing.length <= all.length * (1 - share)) return [];
    return missing.map(({ file, start, name }) =>
      violation(file, { start }, `${name} is exported without a doc comment`),
    );
  };
}

/** Nothing is left for later in a comment. */
export const nothingLeftForLater: Rule = (files) =>
  files
    .filter(({ path }) => !path.startsWith('test/tidy/'))
    .flatMap((file): Violation[] =>
      file.comments
        .filter(({ value }) => /\b(TODO|FIXME|XXX|HACK)\b/.test(value))
        .map((comment) => violation(file, comment, 'is left for later: do it, or say why not')),
    );
