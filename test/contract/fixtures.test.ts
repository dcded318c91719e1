// Golden bytes of every released version: what was once on the wire decodes for ever, and encodes to the same bytes.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  BODIES,
  type DesiredState,
  decodeFrame,
  decodeMessage,
  decodeUpdate,
  desiredStateSchema,
  encodeFrame,
  encodeManifest,
  encodeMessage,
  encodeUpdate,
  FRAME_KINDS,
  fileOfRole,
  type Message,
  parseManifest,
  wireOf,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { expandFile, packFile } from '@nanofleet/runtime';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../protocol/fixtures/1/', import.meta.url));
const names = readdirSync(root);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(root + name));
const messages = names.filter((name) => name.endsWith('.json'));
const frames = names.filter((name) => name.endsWith('.bin'));

describe('fixtures of version 1', () => {
  it.each(messages)('%s decodes, and encodes to its very bytes', (name) => {
    const bytes = read(name);
    expect(new TextDecoder().decode(encodeMessage(decodeMessage(bytes)))).toBe(
      new TextDecoder().decode(bytes),
    );
  });

  it.each(frames)('%s decodes, and encodes to its very bytes', (name) => {
    const bytes = read(name);
    expect(encodeFrame(decodeFrame(bytes))).toEqual(bytes);
  });

  it('a desired state from before the policy for explanations says none of it, a later one what it says', () => {
    const stateIn = (name: string): DesiredState => {
      const { body } = decodeMessage(read(name)) as Message<'desired'>;
      return desiredStateSchema.parse(JSON.parse(body.signed));
    };
    expect(stateIn('desired.json')).not.toHaveProperty('explanations');
    expect(stateIn('desired.explanations.json')).toMatchObject({ offload: 'mini', explanations: 'local' });
  });

  it('a model update decodes, and encodes to its very bytes', () => {
    const bytes = read('update.nfu');
    expect(encodeUpdate(decodeUpdate(bytes))).toEqual(bytes);
  });

  it('a manifest parses, and encodes to its very bytes', () => {
    const bytes = read('packed.manifest');
    expect(new TextDecoder().decode(encodeManifest(parseManifest(bytes)))).toBe(
      new TextDecoder().decode(bytes),
    );
  });

  it('a graph comes out of the form in which it travels, and goes back into its very bytes', () => {
    const manifest = parseManifest(read('packed.manifest'));
    const file = fileOfRole(manifest, 'infer.int8');
    const wire = file && wireOf(file);
    assert(file !== undefined && wire !== undefined);
    const travelling = { manifest, file, wire, sha256Of };
    const graph = expandFile(read('packed.nfw'), travelling);
    expect(packFile(graph, travelling)).toEqual(read('packed.nfw'));
  });

  it('cover every kind of message and frame', () => {
    const kinds = new Set(messages.map((name) => decodeMessage(read(name)).kind));
    expect([...kinds].toSorted()).toEqual(Object.keys(BODIES).toSorted());
    expect(frames).toHaveLength(Object.keys(FRAME_KINDS).length);
  });
});
