// The story with `kill -9` at random moments: which process and when come from a seed, so that a run can be repeated.
// One story suffers several kills; it must complete after the restarts with every event there once.
import { createHash } from 'node:crypto';
import { type Ended, Starter } from './starter.ts';

const VICTIMS = ['controller', 'controller', 'home-1', 'home-2', 'home-3', 'home-4', 'pump-1'] as const;
/** How long the scenes take when nothing is killed; moments are drawn from it. */
const STORY_MS = 24_000;
const RETRY_MS = 150;

/** A planned kill. */
export interface Kill {
  readonly victim: string;
  /** After the first scene was seen, milliseconds. */
  readonly afterMs: number;
}

/** What one story with kills has shown. */
export interface KilledStory {
  readonly planned: readonly Kill[];
  readonly performed: readonly Kill[];
  readonly ended: Ended;
}

/** Numbers from 0 to 1 out of a seed: the digest of seed and count, so that any run can be repeated. */
export function randomFrom(seed: number): () => number {
  let count = 0;
  return () => {
    count += 1;
    return createHash('sha256').update(`${seed}:${count}`).digest().readUInt32LE() / 2 ** 32;
  };
}

/** Kills of one story in the order of their moments. */
export function planKills(random: () => number, count: number): Kill[] {
  const kills = Array.from({ length: count }, () => ({
    victim: VICTIMS[Math.floor(random() * VICTIMS.length)] ?? 'controller',
    afterMs: Math.round(random() * STORY_MS),
  }));
  return kills.toSorted((a, b) => a.afterMs - b.afterMs);
}

const isEnded = ({ process: child }: Starter): boolean =>
  child.exitCode !== null || child.signalCode !== null;

/** Waits so long, or until the starter has ended. */
const pass = (starter: Starter, milliseconds: number): Promise<unknown> =>
  Promise.race([starter.ended, new Promise((resolve) => setTimeout(resolve, milliseconds))]);

/** Plays the story once and kills as planned; a kill whose moment lies behind the story's end is not performed. */
export async function storyWithKills(directory: string, planned: readonly Kill[]): Promise<KilledStory> {
  const starter = new Starter({ directory, args: ['--once'] });
  const performed: Kill[] = [];
  await starter.line((line) => line.startsWith(' ✓ 1'));
  let passed = 0;
  for (const kill of planned) {
    await pass(starter, kill.afterMs - passed);
    passed = kill.afterMs;
    // A victim that is being started again cannot be killed yet: its turn comes as soon as it is there.
    while (!isEnded(starter) && !starter.kill(kill.victim)) await pass(starter, RETRY_MS);
    if (!isEnded(starter)) performed.push(kill);
  }
  return { planned, performed, ended: await starter.ended };
}

/** Why a story with kills counts as failed; undefined when it does not. */
export function faultOf({ ended }: KilledStory): string | undefined {
  const { result, code, signal } = ended;
  if (result === undefined)
    return `no result (${signal ?? `exit code ${code}`}): ${ended.stderr.slice(-400)}`;
  const faults = result.steps.filter(({ ok }) => !ok).map(({ name, fault }) => `${name}: ${fault ?? ''}`);
  if (faults.length > 0) return faults.join('; ');
  return result.ok && code === 0
    ? undefined
    : `${result.error?.code ?? ''} ${result.error?.message ?? ''} exit ${code}`;
}
