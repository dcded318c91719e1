/**
 * Step 2: a sentence that the device's model is not sure of, answered by the controller's bigger model under the same
 * id. The sentence is found, not staged: the homes say their script until one fits.
 */
import type { Decision } from '@nanofleet/protocol';
import type { DeviceName } from '../fleet.ts';
import { durationText, shareText } from '../units.ts';
import { outcomeOf, type Stage, type Step } from './step.ts';
import { isInScope, type Utterance } from './utterances.ts';

const WAIT_MS = 8_000;
/** Questions to the bigger tier before the step gives up finding one that it answers right. */
const ASKED_MAX = 40;
const SPEAKER: DeviceName = 'home-2';
const HOME = 2;

interface Found {
  readonly utterance: Utterance;
  readonly decision: Decision;
}

const isAnsweredByMini = ({ utterance, decision }: Found): boolean =>
  decision.verdict === 'unsure' &&
  decision.offload.answer?.tier === 'mini' &&
  decision.offload.answer.verdict === 'sure' &&
  decision.offload.answer.label === utterance.intent;

async function find({
  fleet,
  ledger,
  utterances,
}: Stage): Promise<{ found: Found | undefined; asked: Decision[] }> {
  const asked: Decision[] = [];
  let second: Found | undefined;
  for (const utterance of utterances.filter((line) => line.home === HOME && isInScope(line))) {
    const decision = await fleet.agent(SPEAKER).decide({ text: utterance.text, waitMs: WAIT_MS });
    ledger.add(utterance.text, decision);
    if (decision.offload.status === 'none') continue;
    asked.push(decision);
    const found = { utterance, decision };
    if (isAnsweredByMini(found)) {
      // Best is a sentence on which the small model would have been wrong; else one that it only doubted.
      if (decision.label !== utterance.intent) return { found, asked };
      second ??= found;
    }
    if (asked.length >= ASKED_MAX) break;
  }
  return { found: second, asked };
}

function linesOf(found: Found | undefined, asked: number): string[] {
  const answer = found?.decision.offload.answer;
  if (found === undefined || answer === undefined)
    return [`no sentence was found that only mini knows (${asked} asked)`];
  const { utterance, decision } = found;
  return [
    `“${utterance.text}” → nano is not sure, mini says ${answer.label} (${shareText(answer.confidence)}), in ${durationText(answer.milliseconds * 1_000)}`,
    `home-2 guessed ${decision.label} (${shareText(decision.confidence)}) and asked; the answer came back under ${decision.id}`,
  ];
}

async function play(stage: Stage) {
  const { found, asked } = await find(stage);
  const { items } = await stage.fleet.operator.call('offloads', { query: { device: SPEAKER, limit: 500 } });
  const answer = found?.decision.offload.answer;
  const stored = items.filter(({ decision }) => decision === found?.decision.id);
  const answeredIds = asked.filter(({ offload }) => offload.answer?.tier === 'mini').map(({ id }) => id);
  const seen = asked.map(({ offload }) => offload.status).join(', ') || 'none was sent on';
  return outcomeOf({
    lines: [...linesOf(found, asked.length)],
    evidence: {
      id: found?.decision.id ?? null,
      text: found?.utterance.text ?? null,
      nano: found === undefined ? null : { label: found.decision.label, verdict: found.decision.verdict },
      mini: answer ?? null,
      answeredByMini: answeredIds,
    },
    checks: [
      [found !== undefined, `expected a sentence that nano is unsure of and mini knows; outcomes: ${seen}`],
      [
        stored.length === 1 && stored[0]?.status === 'answered' && stored[0].tier === 'mini',
        `expected the controller to have answered ${found?.decision.id} once by mini, it lists ${JSON.stringify(stored)}`,
      ],
    ],
  });
}

/** A sentence that only the bigger model knows. */
export const ASKS_MINI: Step = {
  name: 'asks-mini',
  doing: 'home-2 says what its own model is not sure of',
  play,
};
