/**
 * Step 5: the next version is signed, pushed and loaded on all five devices while the homes go on talking. Not one
 * request may fail. A fleet that has played the story before gets the same model under the next release counter.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DEVICES, type DeviceName } from '../fleet.ts';
import { CLONE } from '../layout.ts';
import { countText, durationText } from '../units.ts';
import { decided, loaded, nextCounter, prepareBundle, rollOut, signAndUpload } from './release.ts';
import { outcomeOf, type Stage, type Step } from './step.ts';
import type { Utterance } from './utterances.ts';

const LINE = 'intent';
/** Between two sentences of a home while the version changes. */
const PAUSE_MS = 15;

/** The version that everybody gets, as a step later needs it again. */
export interface Release {
  readonly digest: string;
  readonly version: string;
  readonly directory: string;
}

/** Talks until told to stop; what was answered and what failed. */
function talk(stage: Stage, device: DeviceName, lines: readonly Utterance[]) {
  let isOver = false;
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
      await stage.world.sleep(PAUSE_MS);
    }
  })();
  const stop = async () => {
    isOver = true;
    await done;
    return seen;
  };
  return { stop };
}

/** Sentences that the device is sure of: the step is about the version, not about offloads. */
async function sureLines(
  { fleet, utterances }: Stage,
  device: DeviceName,
  home: number,
): Promise<Utterance[]> {
  const [first] = utterances.filter((line) => line.home === home);
  if (first === undefined) return [];
  const lines = utterances.filter((line) => line.home === home && line.intent === 'HassTurnOn').slice(0, 12);
  const answers = await fleet.agent(device).decideBatch(lines.map(({ text }) => text));
  return lines.filter((_, at) => {
    const answer = answers[at];
    return answer !== undefined && !('error' in answer) && answer.verdict === 'sure';
  });
}

/** Prepares, signs and uploads the next version. */
async function nextRelease(stage: Stage): Promise<Release> {
  const counter = await nextCounter(stage);
  const second = join(CLONE.bundles, 'household-2');
  const from = existsSync(second) ? second : join(CLONE.bundles, 'household-1');
  const directory = stage.fleet.layout.bundle(`intent-${counter}`);
  const isCommitted = from === second && counter === 2;
  const version = `${counter}.0.0`;
  await prepareBundle(
    isCommitted ? { from, to: directory } : { from, to: directory, release: { counter, version } },
  );
  return { digest: await signAndUpload(stage, directory), version: String(counter), directory };
}

/** The step, with the release that it made for the step after it. */
export function newVersion(onReleased: (release: Release) => void): Step {
  return {
    name: 'new-version',
    doing: 'a new version is signed and pushed',
    play: (stage) => play(stage, onReleased),
  };
}

async function play(stage: Stage, onReleased: (release: Release) => void) {
  const { world, fleet } = stage;
  const talkers = await Promise.all(
    DEVICES.filter(({ home }) => home > 0).map(async ({ device, home }) =>
      talk(stage, device, await sureLines(stage, device, home)),
    ),
  );
  const begun = world.ticks();
  const release = await nextRelease(stage);
  onReleased(release);
  const made = await rollOut(stage, release.digest);
  const rollout = await decided(stage, made.id);
  const tookMs = world.ticks() - begun;
  const heard = await Promise.all(talkers.map(({ stop }) => stop()));
  const answered = heard.reduce((sum, seen) => sum + seen.answered, 0);
  const failed = heard.flatMap((seen) => seen.failed);
  const running = await loaded({ fleet });
  const own = fleet.devices.filter((device) => running[device]?.[LINE]?.digest === release.digest);
  return outcomeOf({
    lines: [
      `version ${release.version} signed, pushed and running on ${own.length} of ${DEVICES.length} devices in ${durationText(tookMs * 1_000)}`,
      `${countText(answered)} requests meanwhile, ${failed.length} failed; the digest of the loaded bytes is ${release.digest.slice(0, 12)}… on each`,
    ],
    evidence: {
      digest: release.digest,
      version: release.version,
      rollout: rollout.counts,
      loaded: running,
      answered,
      failed,
      tookMs,
    },
    checks: [
      [
        rollout.counts.running === DEVICES.length,
        `expected it to run on 5, the controller sees ${JSON.stringify(rollout.devices)}`,
      ],
      [
        own.length === DEVICES.length,
        `expected 5 agents to have loaded ${release.digest}, seen ${JSON.stringify(running)}`,
      ],
      [failed.length === 0, `expected no failed request, seen ${failed.slice(0, 3).join('; ')}`],
      [answered > 0, 'expected requests during the change, there was none'],
    ],
  });
}
