// Kills the controller or an agent with -9 at random moments of the story, until so many kills were done. Each story must
// complete after the restarts, with no event lost or doubled. Options: --count N (50), --seed S (1), --per-story K (3).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { faultOf, planKills, randomFrom, storyWithKills } from './parts/kills.ts';

interface Tally {
  stories: number;
  kills: number;
  restarts: number;
  failures: { story: number; fault: string; kills: unknown }[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      'per-story': { type: 'string', default: '3' },
    },
  });
  const count = Number(values.count);
  const seed = Number(values.seed);
  const random = randomFrom(seed);
  const directory = await mkdtemp(join(tmpdir(), 'nanofleet-kills-'));
  const tally: Tally = { stories: 0, kills: 0, restarts: 0, failures: [] };
  while (tally.kills < count && tally.failures.length < 5) {
    const planned = planKills(random, Math.min(Number(values['per-story']), count - tally.kills));
    const story = await storyWithKills(directory, planned);
    const fault = faultOf(story);
    tally.stories += 1;
    tally.kills += story.performed.length;
    tally.restarts += Object.values(story.ended.result?.restarts ?? {}).reduce(
      (sum, times) => sum + times,
      0,
    );
    if (fault !== undefined) tally.failures.push({ story: tally.stories, fault, kills: story.performed });
    const killed = story.performed.map(
      ({ victim, afterMs }) => `${victim} at ${(afterMs / 1_000).toFixed(1)} s`,
    );
    console.log(`story ${tally.stories}: killed ${killed.join(', ') || 'nobody'}: ${fault ?? 'complete'}`);
  }
  const ok = tally.failures.length === 0;
  if (ok) await rm(directory, { recursive: true, force: true });
  console.log(JSON.stringify({ soak: 'kills', ok, seed, ...tally, ...(ok ? {} : { directory }) }));
  process.exitCode = ok ? 0 : 1;
}

await main();
