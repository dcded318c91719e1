// How much CPU time a training step of forge takes on stock ONNX Runtime, beside PyTorch doing the same step: same weights,
// same batches, same optimizer, one thread each. Both take turns block by block, so that noise of the machine hits them alike;
// their losses must agree.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { correctedRate, type TableLearner, tableStep } from '@nanofleet/forge/testing';
import { printTable, quantilesOf, rounded } from './parts/figures.ts';
import { type Block, FORMS, type Form, TorchPeer, writeModel } from './parts/torch-peer.ts';
import { bag, type TrainedModel, transformer } from './parts/trained-models.ts';

const BAR = 1.2;
/** Steps whose losses are compared, and how far they may differ, relative to the loss: rounding, and nothing else. */
const COMPARED = 10;
const TOLERANCE = 1e-4;
const INSTALL =
  'apt-get install python3-torch libopenblas0-pthread, or --python PATH of a Python that has torch';

interface Figures {
  readonly model: string;
  readonly parameters: number;
  readonly batchSize: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly torch: readonly TorchFigures[];
  /** CPU time by that of the faster form of PyTorch; null without PyTorch. */
  readonly ratio: number | null;
}

interface TorchFigures {
  readonly form: Form;
  readonly cpuMs: number;
  readonly wallMs: number;
  /** Greatest relative difference of a loss. */
  readonly lossDifference: number;
}

/** forge's side: a step for every batch, as training takes them. */
class Forge {
  readonly #model: TrainedModel;
  readonly #learner: TableLearner;
  #steps = 0;

  constructor(model: TrainedModel) {
    this.#model = model;
    this.#learner = model.learner();
  }

  async block(): Promise<Block> {
    const { batches, learningRate } = this.#model;
    const losses: number[] = [];
    const [used, begun] = [process.cpuUsage(), performance.now()];
    for (const batch of batches) {
      this.#steps += 1;
      losses.push(await tableStep(this.#learner, batch, correctedRate(learningRate, this.#steps)));
    }
    const [{ user, system }, wall] = [process.cpuUsage(used), performance.now() - begun];
    return { cpuMs: (user + system) / 1000 / losses.length, wallMs: wall / losses.length, losses };
  }

  async end(): Promise<void> {
    await this.#learner.session.release();
  }
}

/** The peers of a model, one a form; empty, once said why, without PyTorch. */
async function peersOf(directory: string, python: string): Promise<Map<Form, TorchPeer>> {
  const peers = new Map<Form, TorchPeer>();
  for (const form of FORMS) {
    const peer = await TorchPeer.start(directory, { python, form });
    if (peer instanceof TorchPeer) peers.set(form, peer);
    else return say(`forge alone: ${python} has no PyTorch to compare with (${peer.missing}).\n  ${INSTALL}`);
  }
  return peers;
}

let isSaid = false;
function say(reason: string): Map<Form, TorchPeer> {
  if (!isSaid) console.log(`${reason}\n`);
  isSaid = true;
  return new Map();
}

/** Greatest relative difference of the first losses. @throws RangeError when they differ by more than rounding. */
function difference(ours: Block, theirs: Block): number {
  const worst = ours.losses.slice(0, COMPARED).reduce((most, loss, at) => {
    const other = theirs.losses[at] ?? Number.NaN;
    return Math.max(most, Math.abs(loss - other) / Math.abs(other));
  }, 0);
  if (worst <= TOLERANCE) return worst;
  const both = [ours, theirs].map(({ losses }) => losses.slice(0, COMPARED).join(' '));
  throw new RangeError(`the losses differ by ${worst}: ${both.join(' (forge) and ')} (PyTorch)`);
}

async function measure(
  model: TrainedModel,
  { peers, blocks }: { readonly peers: ReadonlyMap<Form, TorchPeer>; readonly blocks: number },
): Promise<Figures> {
  const forge = new Forge(model);
  // The first block opens graphs and warms both up; its losses are those that are compared.
  const first = await forge.block();
  const differences = new Map<Form, number>();
  for (const [form, peer] of peers) differences.set(form, difference(first, await peer.block()));
  const ours: Block[] = [];
  const theirs = new Map<Form, Block[]>(FORMS.map((form) => [form, []]));
  for (let block = 0; block < blocks; block += 1) {
    ours.push(await forge.block());
    for (const [form, peer] of peers) theirs.get(form)?.push(await peer.block());
  }
  await forge.end();
  const torch = [...peers.keys()].map((form) => ({
    form,
    ...medians(theirs.get(form) ?? []),
    lossDifference: rounded(differences.get(form) ?? Number.NaN),
  }));
  const own = medians(ours);
  const best = Math.min(...torch.map(({ cpuMs }) => cpuMs));
  return {
    model: model.name,
    parameters: model.parameters.reduce((sum, { elements }) => sum + elements.length, 0),
    batchSize: model.batchSize,
    ...own,
    torch,
    ratio: torch.length === 0 ? null : rounded(own.cpuMs / best),
  };
}

function medians(blocks: readonly Block[]): { cpuMs: number; wallMs: number } {
  const median = (pick: (block: Block) => number): number => rounded(quantilesOf(blocks.map(pick)).p50);
  return { cpuMs: median(({ cpuMs }) => cpuMs), wallMs: median(({ wallMs }) => wallMs) };
}

function rowsOf({ model, cpuMs, wallMs, torch, ratio }: Figures): (string | number)[][] {
  return [
    [`${model}: forge`, cpuMs, wallMs, ratio ?? '–', ''],
    ...torch.map((one) => [
      `${model}: PyTorch, ${one.form} rows`,
      one.cpuMs,
      one.wallMs,
      '',
      one.lossDifference.toExponential(0),
    ]),
  ];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      blocks: { type: 'string', default: '7' },
      python: { type: 'string', default: '/usr/bin/python3' },
    },
  });
  const directory = await mkdtemp(join(tmpdir(), 'nanofleet-forge-'));
  try {
    report(await measureAll(directory, { python: values.python, blocks: Number(values.blocks) }));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Measured {
  /** Version of PyTorch; null without it. */
  readonly torch: string | null;
  readonly models: readonly Figures[];
}

async function measureAll(
  directory: string,
  { python, blocks }: { readonly python: string; readonly blocks: number },
): Promise<Measured> {
  const models: Figures[] = [];
  let version: string | null = null;
  for (const make of [transformer, () => bag('nano'), () => bag('nano-l')]) {
    const model = await make();
    const own = join(directory, model.name);
    await mkdir(own);
    await writeModel(model, own);
    const peers = await peersOf(own, python);
    for (const { torch } of peers.values()) version = torch;
    models.push(await measure(model, { peers, blocks }));
    for (const peer of peers.values()) peer.end();
  }
  return { torch: version, models };
}

function report({ torch, models }: Measured): void {
  printTable([
    ['one step', 'CPU ms', 'wall ms', 'by the faster PyTorch', 'losses differ'],
    ...models.flatMap(rowsOf),
  ]);
  const ok = torch === null ? null : models.every(({ ratio }) => ratio !== null && ratio <= BAR);
  console.log(JSON.stringify({ bench: 'forge', torch, bar: BAR, ok, models }));
}

await main();
