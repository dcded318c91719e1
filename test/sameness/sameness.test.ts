// A slice of `pnpm soak sameness`: native against WebAssembly, few inputs, one bundle of each form of graph.
import { decodeWindow } from '@nanofleet/runtime';
import { type CheckedBundle, inspectBundle, loadSensorRunner, loadTextRunner } from '@nanofleet/runtime/node';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../soak/parts/starter.ts';
import { type Answer, answersOf, type OpenGraph } from './answers.ts';
import { compare } from './compare.ts';
import { ENGINES } from './engines.ts';
import { committedTexts, questionsOf } from './questions.ts';
import { stretchedGraph } from './stretched.ts';
import { comparedBundles, isSame } from './verdict.ts';

const DRAW = { count: 12, seed: 1, texts: committedTexts(ROOT) };
const NAMES = ['nano-s', 'household-2', 'entities-home', 'vibration-1'];

const opened = (name: string): Promise<CheckedBundle> => inspectBundle(`${ROOT}/bundles/${name}`);

const answered = (
  bundle: CheckedBundle,
  {
    graph = bundle.files.get('infer.int8') ?? new Uint8Array(),
    open,
  }: { graph?: Uint8Array; open: OpenGraph },
): Promise<Answer[]> => answersOf(bundle, { graph, open, questions: questionsOf(bundle, DRAW) });

describe('a bundle', () => {
  it.each(NAMES)('%s answers in WebAssembly as it does natively', async (name) => {
    const bundle = await opened(name);
    const [native, wasm] = [
      await answered(bundle, { open: ENGINES.native }),
      await answered(bundle, { open: ENGINES.wasm }),
    ];
    const asked = [{ name, bundle }];
    const [compared] = comparedBundles(asked, { rows: [[wasm, []]], reference: [[native, []]] });
    expect(compared).toSatisfy(isSame);
    expect(compared).toMatchObject({ inputs: native.length, others: [], verdictsEqual: native.length });
    // Float kernels differ in the last bits, which may move a rounded activation by one step.
    expect(Math.max(compared?.logitGap ?? 1, compared?.tagGap ?? 1)).toBeLessThan(0.05);
  });

  it.each(['nano-s', 'entities-home'])('%s is asked as a device asks it: text', async (name) => {
    const bundle = await opened(name);
    const runner = await loadTextRunner(bundle);
    const answers = await answered(bundle, { open: ENGINES.native });
    for (const [at, question] of questionsOf(bundle, DRAW).entries()) {
      const { logits, ...decision } = await runner.decide('text' in question ? question.text : '');
      expect(decision).toMatchObject(partsOf(answers[at]));
      expect(Array.from(logits)).toEqual(answers[at]?.logits);
    }
    await runner.release();
  });

  it('is asked as a device asks it: window', async () => {
    const bundle = await opened('vibration-1');
    const runner = await loadSensorRunner(bundle);
    const [answer] = await answered(bundle, { open: ENGINES.native });
    const [question] = questionsOf(bundle, DRAW);
    const window = question && 'window' in question ? question.window : '';
    const { logits, ...decision } = await runner.score(decodeWindow(window));
    await runner.release();
    expect(decision).toMatchObject(partsOf(answer));
    expect(Array.from(logits)).toEqual(answer?.logits);
  });

  it('is the same model with weights stretched to eight bits, where sums are exact', async () => {
    const bundle = await opened('household-2');
    const plain = await answered(bundle, { open: ENGINES.wasm });
    const stretched = await answered(bundle, { graph: stretchedGraph(bundle), open: ENGINES.wasm });
    expect(stretched).toEqual(plain);
  });
});

/** What decision and answer both have, but logits. */
function partsOf(answer: Answer | undefined): Partial<Answer> {
  const { logits: _, tags: __, ...parts } = answer ?? { logits: [] };
  return parts;
}

describe('compare', () => {
  it('finds another label, verdict, score, a golden vector that is missed, and an answer that is missing', async () => {
    const bundle = await opened('nano-s');
    const reference = await answered(bundle, { open: ENGINES.native });
    const [first, second, ...others] = reference;
    if (first === undefined || second === undefined) throw new TypeError('there are golden inputs');
    const changed: Answer[] = [
      { ...first, label: 'none of them' },
      { ...second, verdict: 'unsure', logits: second.logits.map((logit) => logit + 0.5) },
      ...others.slice(0, -1),
    ];
    const inputs = reference.length;
    expect(compare(changed, { bundle, reference })).toMatchObject({
      labelsEqual: inputs - 2,
      logitGap: Number.POSITIVE_INFINITY,
      goldenPassed: 15,
      golden: 16,
      others: [0, 1, inputs - 1],
    });
    expect(compare(reference, { bundle, reference })).toMatchObject({ logitGap: 0, others: [] });
  });
});
