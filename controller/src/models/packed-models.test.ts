// Bundles whose graph travels in fewer bits: either form is enough to push, devices may fetch both.
import { type BundleFile, type Digest, fileOfRole, WIRE_FORM } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { packedForm } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { type OpenDatabase, openDatabase } from '../db/open-database.ts';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import { makeTestBundle, register, type TestBundle, uploadFiles } from '../testing/test-bundle.ts';
import type { TestDevice } from '../testing/test-device.ts';
import { ModelsRepository } from './models.repository.ts';

let opened: OpenDatabase;

interface Packed extends TestBundle {
  readonly graph: Uint8Array;
  readonly wire: Uint8Array;
}

const statedAs = (bytes: Uint8Array) => ({ sha256: sha256Of(bytes), bytes: bytes.length });

/** The committed bundle in 4 bits, with one of its forms or none to upload; each `bits` gives another graph. */
const makePacked = async (
  controller: GetController,
  given: { version: string; bits: number; uploads?: 'graph' | 'wire'; states?: Partial<BundleFile> },
): Promise<Packed> => {
  const { publisher } = controller();
  const base = await makeTestBundle(publisher);
  const file = fileOfRole(base.manifest, 'infer.int8');
  const before = base.files.get(file?.sha256 ?? ('' as Digest)) ?? new Uint8Array();
  const grids = base.manifest.quantization;
  const { graph, wire, quantization } = packedForm(before, { grids, bits: given.bits });
  const travelling = { form: WIRE_FORM, name: 'infer.nfw', ...statedAs(wire) };
  const files = base.manifest.files.map((other) =>
    other.role === 'infer.int8' ? { ...other, ...statedAs(graph), wire: travelling, ...given.states } : other,
  );
  const made = await makeTestBundle(publisher, { files, quantization, version: given.version });
  const uploads = { graph, wire };
  const sent = given.uploads === undefined ? [] : [uploads[given.uploads]];
  const contents = [...base.files.values(), ...sent].filter((bytes) => bytes !== before);
  const named = contents.map((bytes): [Digest, Uint8Array] => [sha256Of(bytes), bytes]);
  return { ...made, graph, wire, files: new Map(named) };
};

const download = async (
  controller: GetController,
  device: TestDevice,
  digest: Digest,
): Promise<Digest | number> => {
  const response = await fetch(`${controller().url}/device/blobs/${digest}`, {
    headers: { authorization: `Bearer ${device.bearer}` },
  });
  return response.ok ? sha256Of(new Uint8Array(await response.arrayBuffer())) : response.status;
};

const pushing = (controller: GetController): void => {
  it.each([
    ['wire', 4],
    ['graph', 3],
  ] as const)('takes the %s alone and serves both forms to devices', async (uploads, bits) => {
    const bundle = await makePacked(controller, { version: `1.0.${bits}`, bits, uploads });
    await uploadFiles(controller(), bundle);
    const { digest } = await register(controller(), bundle);
    const { bytes, card, missing } = await controller().call('model', { params: { digest } });
    expect(missing).toEqual([]);
    expect(bytes - (card?.travelBytes ?? 0)).toBe(bundle.graph.length - bundle.wire.length);
    const device = await controller().device(`reader-${bits}`);
    for (const content of [bundle.graph, bundle.wire])
      expect(await download(controller, device, sha256Of(content))).toBe(sha256Of(content));
  });

  it('needs one of them', async () => {
    const bundle = await makePacked(controller, { version: '1.1.0', bits: 2 });
    await uploadFiles(controller(), bundle);
    await expect(register(controller(), bundle)).rejects.toMatchObject({ code: 'BUNDLE_FILE_MISSING' });
  });

  it('refuses a form that does not expand to the graph of the manifest, and registers nothing', async () => {
    const states = { sha256: sha256Of('another graph') };
    const bundle = await makePacked(controller, { version: '1.2.0', bits: 4, uploads: 'wire', states });
    await uploadFiles(controller(), bundle);
    await expect(register(controller(), bundle)).rejects.toMatchObject({ code: 'WIRE_FORM_WRONG' });
    const { items } = await controller().call('models');
    expect(items.filter(({ digest }) => digest === bundle.digest)).toEqual([]);
  });

  it('lets another controller on the same database know that both may be served', async () => {
    const { graph, wire } = await makePacked(controller, { version: '1.0.4', bits: 4 });
    const other = new ModelsRepository(opened.database);
    expect(await other.isServable(sha256Of(graph))).toBe(true);
    expect(await other.isServable(sha256Of(wire))).toBe(true);
    expect(await other.isServable(sha256Of('nothing'))).toBe(false);
  });
};

onEachDatabase('packed models', [pushing], {
  open: async (...wanted) => {
    opened = await openDatabase(...wanted);
    return opened;
  },
});
