// What a story of a controller is: what it begins from, what happens, and what must have come of it, whether the controller ended in
// between or not. And what must hold after each of them.
import type { MortalSite } from './mortal-site.ts';

/** What the stories begin from: nothing, a controller, one with two devices that run a release, those with a bigger tier. */
export type GroundName = 'nothing' | 'controller' | 'homes' | 'tiers';

/** A story. */
export interface ControllerHistory {
  readonly name: string;
  readonly ground: GroundName;
  /** Before points are counted. */
  readonly before?: (site: MortalSite) => Promise<void>;
  /** From here on points are counted. Whoever calls the controller calls again while nobody answers; resolves at the goal. */
  readonly act: (site: MortalSite) => Promise<void>;
  /** What came of it, without times and chance. */
  readonly outcome: (site: MortalSite) => Promise<unknown>;
}

/** Rows of one statement, as the outcome of a story. */
export const rows = (site: MortalSite, sql: string): Promise<object[]> => site.database.query<object>(sql);

/** What must hold of every fleet at rest; each entry is something that does not. */
export const siteFaults = async (site: MortalSite): Promise<string[]> => [
  ...site.controller.faults,
  ...(await recordFaults(site)),
  ...(await lineFaults(site)),
];

/** What was called durable is stored once, and counted once. */
const recordFaults = async (site: MortalSite): Promise<string[]> => {
  const stored = await site.database.query<{ id: string; copies: string }>(
    `select event ->> 'decision' as id, count(*) as copies from events where type = 'decision' group by 1`,
  );
  const copies = new Map(stored.map((row) => [row.id, Number(row.copies)]));
  const durable = site.homes.flatMap((home) => home.durable);
  const [sums] = await site.database.query<{ events: string; tallied: string }>(
    `select (select count(*) from events) as events,
      (select coalesce(sum(value), 0) from tallies where name like 'event:%') as tallied`,
  );
  const waiting = site.homes.map(({ agent }) => agent.status().waiting);
  return [
    ...durable.filter((id) => copies.get(id) !== 1).map((id) => `${copies.get(id) ?? 0} copies of ${id}`),
    ...(sums?.events === sums?.tallied ? [] : [`${sums?.events} events, ${sums?.tallied} tallied`]),
    ...(waiting.every((count) => count === 0) ? [] : [`records wait: ${waiting.join(', ')}`]),
  ];
};

/** A device that is let in runs exactly the version that is desired, and the controller knows. */
const lineFaults = async (site: MortalSite): Promise<string[]> => {
  const known = await site.database.query<{
    device: string;
    desired: string;
    version: number;
    reported: string;
  }>(
    `select device, desired_state -> 'lines' -> 'intent' ->> 'digest' as desired, desired_version as version,
      lines -> 'intent' ->> 'committed' as reported from devices where revoked_at is null`,
  );
  return known.flatMap(({ desired, device, reported, version }) => {
    const home = site.homes.find(({ name }) => name === device);
    const { committed = null, running = null } = home?.line ?? {};
    const told = home?.agent.status().desiredVersion;
    const isOne = [committed, running?.digest ?? null, reported].every((digest) => digest === desired);
    if (isOne && told === version) return [];
    return [
      `${device}: desired ${desired} (${version}), told ${told}, runs ${running?.digest}, says ${reported}`,
    ];
  });
};
