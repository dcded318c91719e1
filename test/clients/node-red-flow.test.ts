// The flow for Node-RED as its import would see it: known nodes, whole wires, and topics that the recipe's agent.yaml has.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const nodeSchema = z.looseObject({
  id: z.string(),
  type: z.string(),
  z: z.string().optional(),
  wires: z.array(z.array(z.string())).optional(),
  broker: z.string().optional(),
  outputs: z.int().optional(),
  topic: z.string().optional(),
});
const flow = z.array(nodeSchema).parse(JSON.parse(read('clients/node-red/flow.json')));
/** Nodes of @node-red/nodes 4.1. */
const CORE = [
  'tab',
  'inject',
  'debug',
  'switch',
  'change',
  'http request',
  'mqtt in',
  'mqtt out',
  'mqtt-broker',
];
const ids = new Set(flow.map(({ id }) => id));
const topicOf = (type: string): string => flow.find((node) => node.type === type)?.topic ?? '';

it('the flow has only nodes that Node-RED comes with, each under an id of its own', () => {
  expect(flow.filter(({ type }) => !CORE.includes(type))).toEqual([]);
  expect(ids.size).toBe(flow.length);
});

it('the flow has no wire, tab or broker that leads nowhere, and a wire for each output', () => {
  const places = flow.flatMap(({ type, wires = [], broker, z: tab }) => {
    // The node of a broker has its address there.
    return [...wires.flat(), tab, type === 'mqtt-broker' ? undefined : broker];
  });
  expect(places.filter((id) => id !== undefined && !ids.has(id))).toEqual([]);
  for (const { outputs, wires = [] } of flow) expect(outputs ?? wires.length).toBe(wires.length);
  const isDriven = (id: string) => flow.some(({ wires = [] }) => wires.flat().includes(id));
  const begins = ['tab', 'mqtt-broker', 'inject', 'mqtt in'];
  expect(flow.filter(({ id, type }) => !begins.includes(type) && !isDriven(id))).toEqual([]);
});

it('the flow speaks to the topics that the recipe listens to, and the other way round', () => {
  const page = read('docs/recipes/node-red.md');
  expect(topicOf('mqtt out')).toBe('node-red/hall/say');
  expect(page).toContain('topic: node-red/+/say');
  expect(topicOf('mqtt in')).toBe('node-red/decided/+');
  expect(page).toContain('topic: node-red/decided/{label}');
});

it('the flow holds no secret', () => {
  const request = JSON.stringify(flow.find(({ type }) => type === 'change'));
  expect(request).toContain('$env(\\"NANOFLEET_TOKEN\\")');
  expect(read('clients/node-red/flow.json')).not.toContain('nfl_');
});
