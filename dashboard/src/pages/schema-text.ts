/** A JSON Schema as a type that people read: `{ device: string, lines: { [name]: … } }`. Pure; what it does not know it calls any. */

/** A value of the document. */
export type SchemaNode = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is SchemaNode =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object under a key. */
export const nodeOf = (node: SchemaNode, key: string): SchemaNode => {
  const value = node[key];
  return isNode(value) ? value : {};
};

/** The objects in a list under a key. */
export const nodesOf = (node: SchemaNode, key: string): readonly SchemaNode[] => {
  const value = node[key];
  return Array.isArray(value) ? value.filter(isNode) : [];
};

const indented = (text: string): string => text.replaceAll('\n', '\n  ');

const objectText = (schema: SchemaNode): string => {
  const properties = Object.entries(nodeOf(schema, 'properties'));
  const required = Array.isArray(schema['required']) ? (schema['required'] as unknown[]) : [];
  const rest = schema['additionalProperties'];
  const lines = properties.map(
    ([name, value]) =>
      `${name}${required.includes(name) ? '' : '?'}: ${indented(schemaText(isNode(value) ? value : {}))}`,
  );
  if (isNode(rest) && Object.keys(rest).length > 0) lines.push(`[name]: ${indented(schemaText(rest))}`);
  return lines.length === 0 ? '{}' : `{\n  ${lines.join(',\n  ')}\n}`;
};

/** The schema as text, in several lines where it is an object. */
export const schemaText = (schema: SchemaNode): string => {
  const options = [...nodesOf(schema, 'anyOf'), ...nodesOf(schema, 'oneOf')];
  if (options.length > 0) return options.map(schemaText).join(' | ');
  if (Array.isArray(schema['enum']))
    return (schema['enum'] as unknown[]).map((value) => JSON.stringify(value)).join(' | ');
  if ('const' in schema) return JSON.stringify(schema['const']);
  switch (schema['type']) {
    case 'object':
      return objectText(schema);
    case 'array':
      return `[${schemaText(nodeOf(schema, 'items'))}]`;
    case 'string':
      return 'string';
    case 'integer':
      return 'integer';
    case 'number':
      return 'number';
    case 'boolean':
      return 'true | false';
    case 'null':
      return 'null';
    default:
      return 'any';
  }
};
