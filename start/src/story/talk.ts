/**
 * Homes that go on talking while something happens to their models. Owns who says what and how often; what is made of it
 * is the step's.
 */
import { DEVICES, type DeviceName } from '../fleet.ts';
import { FIRST_WAVE } from './release.ts';
import type { Stage } from './step.ts';
import type { Utterance } from './utterances.ts';

/** Between two sentences of a home: of the first wave, whose gate waits for them, and of the others. */
const PAUSE_MS = { compared: 30, others: 60 } as const;
/** Sentences that a home says over and over when nobody compares what it says. */
const REPEATED = 12;

/** What was said meanwhile. */
export interface Heard {
  readonly answered: number;
  readonly failed: readonly string[];
}

/** Has every home talk until the returned function is called. */
export async function talkAll(stage: Stage): Promise<() => Promise<Heard>> {
  const talkers = await Promise.all(
    DEVICES.filter(({ home }) => home > 0).map(async ({ device, home }) =>
      talk(stage, device, await linesOf(stage, device, home)),
    ),
  );
  return async () => {
    const heard = await Promise.all(talkers.map((stop) => stop()));
    return {
      answered: heard.reduce((sum, { answered }) => sum + answered, 0),
      failed: heard.flatMap(({ failed }) => failed),
    };
  };
}

/** Homes of the first wave say all that they have to say: a gate learns nothing from the same dozen sentences. */
const linesOf = (stage: Stage, device: DeviceName, home: number): Promise<readonly Utterance[]> => {
  const own = stage.utterances.filter((line) => line.home === home);
  return FIRST_WAVE.includes(device) ? Promise.resolve(own) : sureLines(stage, device, own);
};

/** Sentences that the device is sure of: the others are not about offloads. */
async function sureLines(
  { fleet }: Stage,
  device: DeviceName,
  own: readonly Utterance[],
): Promise<Utterance[]> {
  const lines = own.filter(({ intent }) => intent === 'HassTurnOn').slice(0, REPEATED);
  if (lines.length === 0) return [];
  const answers = await fleet.agent(device).decideBatch(lines.map(({ text }) => text));
  return lines.filter((_, at) => {
    const answer = answers[at];
    return answer !== undefined && !('error' in answer) && answer.verdict === 'sure';
  });
}

function talk(stage: Stage, device: DeviceName, lines: readonly Utterance[]): () => Promise<Heard> {
  let isOver = false;
  const pauseMs = FIRST_WAVE.includes(device) ? PAUSE_MS.compared : PAUSE_MS.others;
  const seen = { answered: 0, failed: [] as string[] };
  const done = (async () => {
    for (let turn = 0; !isOver; turn += 1) {
      const { text } = lines[turn % lines.length] ?? { text: 'good morning' };
      try {
        stage.ledger.add(text, await stage.fleet.agent(device).decide({ text }));
        seen.answered += 1;
      } catch (thrown) {
        seen.failed.push(String(thrown));
      }
      await stage.world.sleep(pauseMs);
    }
  })();
  return async () => {
    isOver = true;
    await done;
    return seen;
  };
}
