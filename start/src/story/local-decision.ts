/**
 * Step 1: a sentence in a kitchen, decided on the device. The first answer of a process is slower than the rest (code is
 * still being compiled), so both are shown.
 */
import { durationText, quantile, shareText } from '../units.ts';
import { outcomeOf, type Stage, type Step } from './step.ts';

const SENTENCE = 'turn the kitchen light on';
const EXPECTED = 'HassTurnOn';
const REPEATS = 300;

async function play({ fleet, ledger }: Stage) {
  const home = fleet.agent('home-1');
  const first = await home.decide({ text: SENTENCE });
  ledger.add(SENTENCE, first);
  const micros: number[] = [];
  for (let turn = 0; turn < REPEATS; turn += 1) {
    const decision = await home.decide({ text: SENTENCE });
    ledger.add(SENTENCE, decision);
    micros.push(decision.micros);
  }
  const p50 = quantile(micros, 0.5);
  const { label, confidence, verdict, tier, entities = [] } = first;
  const found = entities.map(({ type, start, end }) => `${type} ${SENTENCE.slice(start, end)}`).join(', ');
  return outcomeOf({
    lines: [
      `“${SENTENCE}” → ${label}${found === '' ? '' : ` (${found})`}, ${shareText(confidence)} sure, in ${durationText(p50)}`,
      `home-1 decides by itself; p50 of ${REPEATS}, the first one took ${durationText(first.micros)}`,
    ],
    evidence: { id: first.id, label, entities, confidence, tier, firstMicros: first.micros, p50Micros: p50 },
    checks: [
      [label === EXPECTED, `expected ${EXPECTED}, the device says ${label}`],
      [found === 'area kitchen', `expected the area kitchen to be found, seen ${found || 'nothing'}`],
      [verdict === 'sure', `expected the device to be sure, it is ${verdict} (${shareText(confidence)})`],
      [tier === 'nano', `expected an answer of the device's own model, it came from ${tier}`],
    ],
  });
}

/** "turn the kitchen light on". */
export const LOCAL_DECISION: Step = { name: 'local-decision', doing: 'home-1 listens', play };
