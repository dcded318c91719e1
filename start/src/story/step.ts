/**
 * What one step of the story is: it does something, looks at what really happened, and says so in a line or two with
 * figures. A step never claims what it has not observed.
 */
import type { Fleet } from '../fleet.ts';
import type { Screen } from '../screen.ts';
import type { World } from '../world.ts';
import type { Ledger } from './ledger.ts';
import type { Utterance } from './utterances.ts';

/** What a step works with. */
export interface Stage {
  readonly world: World;
  readonly fleet: Fleet;
  readonly screen: Screen;
  readonly utterances: readonly Utterance[];
  readonly ledger: Ledger;
}

/** What was seen. */
export interface Outcome {
  readonly ok: boolean;
  /** Lines for people, without number and mark. */
  readonly lines: readonly string[];
  /** Figures and ids for programs. */
  readonly evidence: Readonly<Record<string, unknown>>;
  /** When not ok: what was expected and what was seen. */
  readonly fault?: string;
}

/** One step. */
export interface Step {
  readonly name: string;
  /** What the waiting line says. */
  readonly doing: string;
  play(stage: Stage): Promise<Outcome>;
}

/** Checks in order; the first that does not hold is the fault. */
function faultOf(
  checks: readonly (readonly [holds: boolean, expectedAndSeen: string])[],
): string | undefined {
  return checks.find(([holds]) => !holds)?.[1];
}

/** An outcome out of its checks. */
export function outcomeOf(parts: {
  lines: readonly string[];
  evidence: Readonly<Record<string, unknown>>;
  checks: Parameters<typeof faultOf>[0];
}): Outcome {
  const fault = faultOf(parts.checks);
  const { lines, evidence } = parts;
  return fault === undefined ? { ok: true, lines, evidence } : { ok: false, lines, evidence, fault };
}

/** Looks until a condition holds or the time is over; the last look either way. */
export async function lookUntil<T>(
  world: World,
  options: { look: () => Promise<T>; until: (seen: T) => boolean; withinMs: number; everyMs?: number },
): Promise<T> {
  const begun = world.ticks();
  for (;;) {
    const seen = await options.look();
    if (options.until(seen) || world.ticks() - begun > options.withinMs) return seen;
    await world.sleep(options.everyMs ?? 50);
  }
}
