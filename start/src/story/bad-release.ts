/**
 * A version that is worse: the model that runs with noise on its head, fifteen points less often right, signed and pushed like
 * any other. It is consistent in itself, so no device refuses it; its gate must stop it in the first wave, and every
 * device must run again what it ran before.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NanofleetError, type Rollout } from '@nanofleet/protocol';
import { z } from 'zod';
import { DEVICES } from '../fleet.ts';
import { CLONE } from '../layout.ts';
import { jsonOf, runToEnd } from '../processes.ts';
import { countText, durationText, shareText } from '../units.ts';
import type { Release } from './new-version.ts';
import {
  FIRST_WAVE,
  loaded,
  nextCounter,
  pairsOf,
  rollOut,
  signAndUpload,
  through,
  WAVES,
} from './release.ts';
import { outcomeOf, type Stage, type Step } from './step.ts';
import { type Heard, talkAll } from './talk.ts';

const LINE = 'intent';
const POINTS = 15;

const madeSchema = z.object({ accuracy: z.object({ before: z.number(), after: z.number() }) });
type Accuracy = z.infer<typeof madeSchema>['accuracy'];

/** Makes the worse version, by the command that operators would try their gates with. */
async function degraded({ world }: Stage, release: { from: string; to: string; counter: number }) {
  const { counter, from, to } = release;
  await rm(to, { recursive: true, force: true });
  const data = join(CLONE.corpus, 'controller.jsonl');
  const args = ['degrade', from, '--data', data, '--out', to, '--points', String(POINTS)];
  args.push('--version', `${counter}.0.0`, '--release-counter', String(counter), '--json');
  const { code, err, out } = await runToEnd(world, { name: 'forge degrade', file: CLONE.forge, args });
  const made = madeSchema.safeParse(jsonOf(out));
  if (code === 0 && made.success) return made.data.accuracy;
  throw new NanofleetError('INTERNAL', `forge degrade ended with exit code ${code}: ${err.slice(0, 400)}`);
}

async function play(stage: Stage, good: () => Release | null) {
  const { fleet, world } = stage;
  const release = good();
  if (release === null)
    return outcomeOf({ lines: [], evidence: {}, checks: [[false, 'expected a version before']] });
  const counter = await nextCounter(stage);
  const directory = fleet.layout.bundle(`intent-${counter}-worse`);
  const accuracy = await degraded(stage, { from: release.directory, to: directory, counter });
  const digest = await signAndUpload(stage, directory);
  const hush = await talkAll(stage);
  const begun = world.ticks();
  const made = await rollOut(stage, digest, WAVES);
  const rollout = await through(stage, made.id);
  const tookMs = world.ticks() - begun;
  const heard = await hush();
  return judged({ accuracy, counter, heard, release, rollout, running: await loaded({ fleet }), tookMs });
}

function judged(seen: {
  readonly accuracy: Accuracy;
  readonly counter: number;
  readonly heard: Heard;
  readonly release: Release;
  readonly rollout: Rollout;
  readonly running: Awaited<ReturnType<typeof loaded>>;
  readonly tookMs: number;
}) {
  const { accuracy, counter, heard, release, rollout, running, tookMs } = seen;
  const { course, devices } = rollout;
  const given = devices.filter(({ wave }) => wave !== undefined).map(({ device }) => device);
  const back = Object.values(running).filter((lines) => lines[LINE]?.digest === release.digest).length;
  const { formerOnly, newOnly } = pairsOf(rollout);
  return outcomeOf({
    lines: [
      `version ${counter}, worse on purpose (${shareText(accuracy.after)} right instead of ${shareText(accuracy.before)}): stopped in its first wave and rolled back in ${durationText(tookMs * 1_000)}`,
      `only the new model was right on ${shareText(newOnly ?? 0)} of the texts that both ran, only the former on ${shareText(formerOnly ?? 0)}; ${given.length} of ${DEVICES.length} devices had it, ${back} run version ${release.version}; ${countText(heard.answered)} requests, ${heard.failed.length} failed`,
    ],
    evidence: {
      digest: rollout.digest,
      accuracy,
      given,
      phase: course?.phase,
      reason: course?.reason,
      gate: course?.gate && { ...course.gate, points: undefined },
      loaded: running,
      answered: heard.answered,
      failed: heard.failed,
      tookMs,
    },
    checks: [
      [
        course?.phase === 'rolled-back' && course.reason?.code === 'ROLLOUT_GATE_STOPPED',
        `expected the gate to have it rolled back, seen ${course?.phase}: ${course?.reason?.message ?? course?.gate?.message}`,
      ],
      [
        course?.wave === 0 && given.every((device) => FIRST_WAVE.includes(device as 'home-1')),
        `expected none but ${FIRST_WAVE.join(' and ')} to have had it, seen ${given.join(', ')}`,
      ],
      [
        back === DEVICES.length,
        `expected 5 agents to run ${release.digest} again, seen ${JSON.stringify(running)}`,
      ],
      [heard.failed.length === 0, `expected no failed request, seen ${heard.failed.slice(0, 3).join('; ')}`],
    ],
  });
}

/** The step. @param good the version before it, once there is one */
export const badRelease = (good: () => Release | null): Step => ({
  name: 'bad-release',
  doing: 'a worse version is made, signed and pushed',
  play: (stage) => play(stage, good),
});
