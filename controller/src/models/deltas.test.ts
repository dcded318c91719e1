// Deltas between registered bundles, as a device asks for them: one that leads to the very file, by range, and none where it would not
// be worth it, or where files have nothing to do with each other.
import { type Digest, deltaName, fileOfRole } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { applyDelta, listInitializers, replaceInitializers } from '@nanofleet/runtime';
import { makeSeededRandom } from '@nanofleet/runtime/testing';
import { beforeAll, expect, it } from 'vitest';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import {
  makeTestBundle,
  publishBundle,
  register,
  type TestBundle,
  uploadFiles,
} from '../testing/test-bundle.ts';
import type { TestDevice } from '../testing/test-device.ts';

/** The graph with other bytes in its weights. */
const changed = (graph: Uint8Array, other: (byte: number, at: number) => number): Uint8Array => {
  const weights = listInitializers(graph).filter(({ raw }) => raw.length > 1_000);
  const others = weights.map(({ name, raw }) => [name, { raw: Uint8Array.from(raw, other) }] as const);
  return replaceInitializers(graph, new Map(others));
};

const withNoise = (graph: Uint8Array): Uint8Array => {
  const random = makeSeededRandom(1).bytes(graph.length);
  return changed(graph, (_, at) => random[at] ?? 0);
};

const graphOf = ({ manifest, files }: TestBundle): Uint8Array =>
  files.get(fileOfRole(manifest, 'infer.int8')?.sha256 ?? ('' as Digest)) ?? new Uint8Array();

const registerWithGraph = async (controller: GetController, graph: Uint8Array, version: string) => {
  const { publisher } = controller();
  const { manifest, files } = await makeTestBundle(publisher);
  const stated = manifest.files.map((file) =>
    file.role === 'infer.int8' ? { ...file, sha256: sha256Of(graph), bytes: graph.length } : file,
  );
  const made = await makeTestBundle(publisher, {
    files: stated,
    version,
    releaseCounter: manifest.releaseCounter + 1,
  });
  const bundle = { ...made, files: new Map([...files, [sha256Of(graph), graph] as const]) };
  await uploadFiles(controller(), bundle);
  await register(controller(), bundle);
};

const answering = (controller: GetController): void => {
  let device: TestDevice;
  let base: Uint8Array;
  let near: Uint8Array;
  let scattered: Uint8Array;
  const ask = (name: string, headers: Record<string, string> = {}) =>
    fetch(`${controller().url}/device/blobs/${name}`, {
      headers: { authorization: `Bearer ${device.bearer}`, ...headers },
    });

  beforeAll(async () => {
    device = await controller().device('delta-reader');
    base = graphOf(await publishBundle(controller()));
    near = changed(base, (byte, at) => (at % 50 === 0 ? byte ^ 1 : byte));
    await registerWithGraph(controller, near, '9.0.0');
    scattered = withNoise(base);
    await registerWithGraph(controller, scattered, '9.1.0');
  });

  it('leads a device that has the base to the file', async () => {
    const answer = await ask(deltaName(sha256Of(base), sha256Of(near)));
    const delta = new Uint8Array(await answer.arrayBuffer());
    expect(sha256Of(applyDelta(base, delta))).toBe(sha256Of(near));
    expect(delta.length).toBeLessThan(base.length * 0.05);
    const back = await ask(deltaName(sha256Of(near), sha256Of(base)), { range: 'bytes=0-3' });
    expect([back.status, await back.text()]).toEqual([206, 'NFD1']);
  });

  it('is given to devices only', async () => {
    const name = deltaName(sha256Of(base), sha256Of(near));
    expect((await fetch(`${controller().url}/device/blobs/${name}`)).status).toBe(401);
  });

  it('is not there where it would hardly be shorter, or a file is in no bundle or has another role', async () => {
    const { manifest } = await makeTestBundle(controller().publisher);
    const other = manifest.files.find(({ role }) => role === 'prototypes')?.sha256 ?? sha256Of('nothing');
    const pairs = [
      [sha256Of(base), sha256Of(scattered)],
      [sha256Of('nothing'), sha256Of(near)],
      [sha256Of(base), sha256Of('nothing')],
      [other, sha256Of(near)],
    ] as const;
    for (const [from, to] of pairs) expect((await ask(deltaName(from, to))).status).toBe(404);
  });

  it('is not there under names that are none', async () => {
    const name = deltaName(sha256Of(base), sha256Of(near));
    for (const wrong of [`${name}0`, `${name}.sig`, name.toUpperCase()])
      expect((await ask(wrong)).status).toBe(404);
  });
};

onEachDatabase('a delta', [answering]);
