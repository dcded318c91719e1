/** The operator API as its own document describes it: what can be called, by which role, what goes in and comes out. */
import { useState } from 'react';
import { useAnswer } from '../access/use-answer.ts';
import { Chip } from '../parts/badge.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import type { Tone } from '../words/happenings.ts';
import { nodeOf, nodesOf, type SchemaNode, schemaText } from './schema-text.ts';

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly tag: string;
  readonly node: SchemaNode;
}

const METHOD_TONES: Readonly<Record<string, Tone>> = {
  get: 'good',
  post: 'cool',
  put: 'warn',
  delete: 'bad',
};

const textOf = (node: SchemaNode, key: string): string => {
  const value = node[key];
  return typeof value === 'string' ? value : '';
};

const operationsOf = (document: SchemaNode): Operation[] =>
  Object.entries(nodeOf(document, 'paths')).flatMap(([path, item]) =>
    Object.entries(item as SchemaNode).map(([method, operation]) => {
      const node = operation as SchemaNode;
      const [tag] = (node['tags'] as readonly string[] | undefined) ?? [];
      return { method, path, tag: tag ?? 'other', node };
    }),
  );

/** The page. */
export const ReferencePage = () => {
  const asked = useAnswer('openapi');
  const [word, setWord] = useState('');
  return (
    <div className="page">
      <PageHead title="API">
        <input
          type="search"
          aria-label="Filter by path or purpose"
          placeholder="Filter by path or purpose"
          value={word}
          onChange={(event) => setWord(event.target.value)}
        />
        <a className="button" href="/api/openapi.json">
          OpenAPI 3.1
        </a>
      </PageHead>
      <p className="soft">
        Programs send a token: <code>Authorization: Bearer nfo_…</code>, made by{' '}
        <code>nanofleet tokens new</code>. Each role may do what those before it may: viewer, operator,
        publisher, admin. Errors are RFC 9457 problems with a code.
      </p>
      <Answer asked={asked} lines={8}>
        {(document) => <Operations operations={operationsOf(document)} word={word.trim().toLowerCase()} />}
      </Answer>
    </div>
  );
};

const Operations = (props: { readonly operations: readonly Operation[]; readonly word: string }) => {
  const found = props.operations.filter(({ node, path }) =>
    `${path} ${textOf(node, 'summary')}`.toLowerCase().includes(props.word),
  );
  const tags = [...new Set(found.map(({ tag }) => tag))].sort();
  if (found.length === 0) return <Empty title="Nothing fits the filter" />;
  return (
    <>
      {tags.map((tag) => (
        <Panel key={tag} title={tag} flush>
          {found
            .filter((operation) => operation.tag === tag)
            .map((operation) => (
              <OneOperation key={`${operation.method} ${operation.path}`} operation={operation} />
            ))}
        </Panel>
      ))}
    </>
  );
};

const OneOperation = ({ operation }: { readonly operation: Operation }) => {
  const { method, node, path } = operation;
  const role = textOf(node, 'x-role');
  return (
    <details className="operation">
      <summary>
        <span className="method" data-tone={METHOD_TONES[method] ?? 'plain'}>
          {method.toUpperCase()}
        </span>
        <span>
          <span className="path">{path}</span>
          <span className="about">{textOf(node, 'summary')}</span>
        </span>
        <Chip tone="plain" text={role === '' ? 'open' : role} />
      </summary>
      <div className="inside">
        <Parameters node={node} />
        <Shape title="Body" content={nodeOf(nodeOf(node, 'requestBody'), 'content')} />
        <Shape title="Answer" content={nodeOf(nodeOf(nodeOf(node, 'responses'), '200'), 'content')} />
      </div>
    </details>
  );
};

const Parameters = ({ node }: { readonly node: SchemaNode }) => {
  const parameters = nodesOf(node, 'parameters');
  if (parameters.length === 0) return null;
  return (
    <div>
      <h3>Parameters</h3>
      <dl className="facts">
        {parameters.map((parameter) => (
          <div key={textOf(parameter, 'name')} className="parameter">
            <dt>
              <code>{textOf(parameter, 'name')}</code>{' '}
              <span className="quiet">{textOf(parameter, 'in')}</span>
            </dt>
            <dd>
              <code>{schemaText(nodeOf(parameter, 'schema'))}</code>
              {parameter['required'] === true ? null : <span className="quiet"> optional</span>}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
};

const Shape = (props: { readonly title: string; readonly content: SchemaNode }) => {
  const [type] = Object.keys(props.content);
  if (type === undefined) return null;
  const schema = nodeOf(nodeOf(props.content, type), 'schema');
  return (
    <div>
      <h3>
        {props.title} <span className="quiet">{type}</span>
      </h3>
      {Object.keys(schema).length === 0 ? null : (
        <pre role="group" aria-label={`${props.title} schema`} tabIndex={0}>
          {schemaText(schema)}
        </pre>
      )}
    </div>
  );
};
