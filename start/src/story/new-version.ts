/**
 * The next version is signed, pushed to two devices, and to the others once the gate has let it through, while the homes go
 * on talking. Not one request may fail. A fleet that has played the story before gets the same model under the next
 * release counter.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Rollout } from '@nanofleet/protocol';
import { DEVICES } from '../fleet.ts';
import { CLONE } from '../layout.ts';
import { countText, durationText, shareText } from '../units.ts';
import {
  FIRST_WAVE,
  loaded,
  nextCounter,
  pairsOf,
  prepareBundle,
  rollOut,
  signAndUpload,
  through,
  WAVES,
} from './release.ts';
import { outcomeOf, type Stage, type Step } from './step.ts';
import { type Heard, talkAll } from './talk.ts';

const LINE = 'intent';

/** The version that everybody gets, as a step later needs it again. */
export interface Release {
  readonly digest: string;
  readonly version: string;
  readonly directory: string;
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
  const hush = await talkAll(stage);
  const begun = world.ticks();
  const release = await nextRelease(stage);
  onReleased(release);
  const made = await rollOut(stage, release.digest, WAVES);
  const rollout = await through(stage, made.id);
  const tookMs = world.ticks() - begun;
  const heard = await hush();
  return judged({ release, rollout, tookMs, heard, running: await loaded({ fleet }) });
}

function judged(seen: {
  readonly release: Release;
  readonly rollout: Rollout;
  readonly tookMs: number;
  readonly heard: Heard;
  readonly running: Awaited<ReturnType<typeof loaded>>;
}) {
  const { heard, release, rollout, running, tookMs } = seen;
  const own = Object.values(running).filter((lines) => lines[LINE]?.digest === release.digest).length;
  const { formerOnly, newOnly } = pairsOf(rollout);
  const all = DEVICES.length;
  return outcomeOf({
    lines: [
      `version ${release.version} to ${FIRST_WAVE.length} devices, through its gate, to the other ${all - FIRST_WAVE.length}: ${release.digest.slice(0, 12)}… is loaded on ${own} of ${all}, ${durationText(tookMs * 1_000)}`,
      `gate: of the texts that both models ran only the new one was right on ${shareText(newOnly ?? 0)}, only the former on ${shareText(formerOnly ?? 0)}; ${countText(heard.answered)} requests, ${heard.failed.length} failed`,
    ],
    evidence: {
      digest: release.digest,
      version: release.version,
      rollout: rollout.counts,
      waves: rollout.course?.waves,
      gate: rollout.course?.gate && { ...rollout.course.gate, points: undefined },
      loaded: running,
      answered: heard.answered,
      failed: heard.failed,
      tookMs,
    },
    checks: [
      [
        rollout.course?.phase === 'done',
        `expected both waves to be through, seen ${rollout.course?.phase}: ${rollout.course?.reason?.message ?? rollout.course?.gate?.message}`,
      ],
      [
        rollout.counts.running === all && own === all,
        `expected 5 agents to run ${release.digest}, seen ${JSON.stringify(running)}`,
      ],
      [newOnly !== null, 'expected a bigger tier to have judged texts that both models ran, it judged none'],
      [heard.failed.length === 0, `expected no failed request, seen ${heard.failed.slice(0, 3).join('; ')}`],
      [heard.answered > 0, 'expected requests during the change, there was none'],
    ],
  });
}
