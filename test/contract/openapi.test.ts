// The OpenAPI document against the table that it comes from, and against the rules of OpenAPI 3.1 and JSON Schema.
import { API, openApiOf, type RouteShape, STREAMS } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';

type Node = Readonly<Record<string, unknown>>;

const document = openApiOf('1.2.3') as unknown as Node;
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const nodeAt = (node: Node, ...keys: string[]): Node => {
  const found = keys.reduce<unknown>((at, key) => (isNode(at) ? at[key] : undefined), node);
  if (!isNode(found)) throw new TypeError(`nothing at ${keys.join(' ')}`);
  return found;
};
const operations = Object.entries(nodeAt(document, 'paths')).flatMap(([path, item]) =>
  Object.entries(item as Node).map(([method, operation]) => ({ path, method, operation: operation as Node })),
);

/** Every object below a value. */
function* nodesBelow(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* nodesBelow(item);
  if (!isNode(value)) return;
  yield value;
  for (const child of Object.values(value)) yield* nodesBelow(child);
}

describe('the OpenAPI document', () => {
  it('holds each row of the table and each stream once, and nothing else', () => {
    const rows = Object.entries(API as Record<string, RouteShape>).map(
      ([name, { method, path }]) => `${name} ${method} ${path.replace(/:([a-z]+)/gi, '{$1}')}`,
    );
    const streams = Object.entries(STREAMS).map(([name, { method, path }]) => `${name} ${method} ${path}`);
    const found = operations.map(
      ({ path, method, operation }) => `${String(operation['operationId'])} ${method.toUpperCase()} ${path}`,
    );
    expect(found.sort()).toEqual([...rows, ...streams].sort());
  });

  it('has what version 3.1 asks for at its root', () => {
    expect(document['openapi']).toBe('3.1.0');
    expect(nodeAt(document, 'info')).toMatchObject({ title: 'nanofleet operator API', version: '1.2.3' });
  });

  it.each(operations)('$method $path declares its path parameters and answers', ({ path, operation }) => {
    const parameters = operation['parameters'] ?? [];
    const inPath = (parameters as Node[]).filter((parameter) => parameter['in'] === 'path');
    const named = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
    expect(inPath.map(({ name }) => name)).toEqual(named);
    for (const parameter of inPath) expect(parameter).toMatchObject({ required: true, schema: {} });
    expect(nodeAt(operation, 'responses', '200')['description']).toBeTypeOf('string');
    expect(operation['security']).toBeInstanceOf(Array);
  });

  it('names each operation once, and every reference leads somewhere', () => {
    const names = operations.map(({ operation }) => operation['operationId']);
    expect(new Set(names).size).toBe(names.length);
    for (const node of nodesBelow(document)) {
      const target = node['$ref'];
      if (typeof target !== 'string') continue;
      expect(target.startsWith('#/')).toBe(true);
      nodeAt(document, ...target.slice(2).split('/'));
    }
  });

  it('is JSON, without a dialect of its own in its schemas', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
    for (const node of nodesBelow(nodeAt(document, 'paths'))) expect(node['$schema']).toBeUndefined();
  });
});
