// A next release of a committed bundle as learning on devices leaves it: its head and a few rows of its table moved on the
// parent's grid, everything else as it was. Signed with a given key; the accuracy of what comes out is nobody's concern.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeManifest, fileOfRole, NanofleetError } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { type Initializer, listInitializers, replaceInitializers, seededShares } from '@nanofleet/runtime';
import { type BundleOptions, signed, signedBundle, type TestBundle } from '../faults/parts/bundles.ts';

const SEED = 20261127;
const TABLE = 'table.int8';
const HEAD = 'head.weight.int8';
/** Shares of the table's rows and of the head's codes that move, and of the codes of a row that does. */
const MOVED = { rows: 0.05, head: 0.3, codes: 0.7 };
/** Codes of seven bits have room to move within the eight of their type. */
const CODE_MAX = 63;
/** Far above what single steps of the grid do to a logit. */
const GOLDEN_TOLERANCE = 5;

/** Writes it. */
export function fineTunedBundle(options: BundleOptions): TestBundle {
  const parent = signedBundle(options);
  const stated = parent.manifest;
  const file = fileOfRole(stated, 'infer.int8');
  if (file === undefined) throw new NanofleetError('INTERNAL', `${options.from} has no graph`);
  const graph = moved(parent.read(file.name));
  writeFileSync(join(options.to, file.name), graph);
  const files = stated.files.map((other) =>
    other === file ? { ...file, sha256: sha256Of(graph), bytes: graph.length } : other,
  );
  return signed(options, encodeManifest({ ...stated, files, golden: { tolerance: GOLDEN_TOLERANCE } }));
}

function moved(graph: Uint8Array): Uint8Array {
  const share = seededShares(SEED);
  const tensors = new Map(listInitializers(graph).map((tensor) => [tensor.name, tensor]));
  const movedRaw = (name: string, rowShare: number, codeShare: number): [string, { raw: Uint8Array }] => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new NanofleetError('INTERNAL', `the graph has no ${name}`);
    return [name, { raw: movedCodes(tensor, { rowShare, codeShare }, share) }];
  };
  return replaceInitializers(
    graph,
    new Map([movedRaw(TABLE, MOVED.rows, MOVED.codes), movedRaw(HEAD, 1, MOVED.head)]),
  );
}

/** One step of the grid up or down. */
function movedCodes(
  { dims, raw }: Initializer,
  { rowShare, codeShare }: { rowShare: number; codeShare: number },
  share: () => number,
): Uint8Array {
  const codes = Int8Array.from(new Int8Array(raw.buffer, raw.byteOffset, raw.length));
  const width = dims.at(-1) ?? 1;
  for (let row = 0; row < codes.length; row += width) {
    if (share() >= rowShare) continue;
    for (let at = row; at < row + width; at += 1) {
      const code = codes[at] ?? 0;
      if (share() < codeShare)
        codes[at] = code > CODE_MAX - 1 || (code > -CODE_MAX && share() < 0.5) ? code - 1 : code + 1;
    }
  }
  return new Uint8Array(codes.buffer);
}
