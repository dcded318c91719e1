// One parsed source file and what the rules ask of it: its comments, imports, exports and a walk over its syntax
// tree. It reads no disk: rules are tested on samples given as text.
import { type Comment, type EcmaScriptModule, parseSync } from 'oxc-parser';

/** A node of the syntax tree (ESTree with TypeScript), as far as the rules look at it. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** A file of the workspace; `path` is relative to the root, with `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly program: SyntaxNode;
  readonly comments: readonly Comment[];
  readonly module: EcmaScriptModule;
}

/** One place that breaks a rule. `line` counts from 1. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** A rule over all files at once. Returns what breaks it, in the order of the files. */
export type Rule = (files: readonly SourceFile[]) => Violation[];

/** Parses a file; throws when it is not TypeScript at all. */
export function parseSource(path: string, text: string): SourceFile {
  const result = parseSync(path, text);
  if (result.errors.length > 0)
    throw new SyntaxError(`${path}: ${result.errors[0]?.message ?? 'unreadable'}`);
  const program = result.program as unknown as SyntaxNode;
  return { path, text, program, comments: result.comments, module: result.module };
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'type') === 'string';
}

/** Calls `visit` for the node and everything below it, parents first, with the chain of parents (nearest first). */
export function walk(
  node: SyntaxNode,
  visit: (node: SyntaxNode, parents: readonly SyntaxNode[]) => void,
  parents: readonly SyntaxNode[] = [],
): void {
  visit(node, parents);
  const below = [node, ...parents];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit, below);
  }
}

/** The node under this key, when there is one. */
export function child(node: SyntaxNode, key: string): SyntaxNode | undefined {
  const value = node[key];
  return isNode(value) ? value : undefined;
}

/** The `name` of an identifier, or undefined for anything else. */
export function nameOf(node: SyntaxNode | undefined): string | undefined {
  return typeof node?.['name'] === 'string' ? node['name'] : undefined;
}

/** Line of a position, counted from 1. */
function lineAt(file: SourceFile, position: number): number {
  return file.text.slice(0, position).split('\n').length;
}

/** A violation at a node or comment of the file. */
export function violation(file: SourceFile, at: { readonly start: number }, message: string): Violation {
  return { path: file.path, line: lineAt(file, at.start), message };
}

/** Whether the file holds tests. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

/** Whether the file is part of what ships: sources of a package, without their tests. */
export function isShipped(path: string): boolean {
  return /^[a-z]+\/src\//.test(path) && !isTest(path);
}
