// Every fault at every commit and publish of a story of a controller: what went wrong, and how many there were. Samples nothing unless
// it is told to; what an idle controller does all the time is tried once a story.

import { setTimeout as pause } from 'node:timers/promises';
import { assert, toNanofleetError } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { type ControllerHistory, siteFaults } from './controller-history.ts';
import type { Aim, ControllerFault, Point } from './kill-point.ts';
import type { MortalController } from './mortal-controller.ts';
import { type Engine, type Ground, MortalSite, PATIENCE } from './mortal-site.ts';

/** Longer than twice what an idle controller leaves between two rounds of its work. */
const IDLE_MS = 25_000;
/** How often a point is tried that was not come by: what comes in one batch, and so in one commit, is up to the moment. */
const TRIES = 2;
const FAULTS_OF: Readonly<Record<Point['kind'], readonly ControllerFault[]>> = {
  commit: ['before', 'after'],
  publish: ['publish'],
};

/** One thing that must not be. */
export interface ControllerFailure {
  readonly fault: ControllerFault;
  readonly point: string;
  readonly what: string;
}

/** What came of one story. */
export interface ControllerResult {
  readonly history: string;
  /** What the controller came by without any fault, in order. */
  readonly points: readonly Point[];
  readonly trials: number;
  /** Trials whose point was not come by again. */
  readonly missed: readonly string[];
  /** Starts that were tried again, as whoever runs services does. */
  readonly restarts: number;
  readonly failures: readonly ControllerFailure[];
}

/** One trial that is over, and how many of the story's are. */
export interface TriedPoint {
  readonly aim: Aim;
  readonly faults: readonly string[];
  readonly done: number;
  readonly of: number;
}

/** Which points are tried. */
export interface ControllerTrialOptions {
  /** Whether a point is tried; the second is its place among those that may be. */
  readonly isChosen: (aim: Aim, at: number) => boolean;
  /** Names of points that an idle controller comes by, too. */
  readonly idle: ReadonlySet<string>;
  /** Told after each trial. */
  readonly tried: (history: string, trial: TriedPoint) => void;
}

interface Played {
  readonly hasEnded: boolean;
  readonly points: readonly Point[];
  readonly restarts: number;
  readonly outcome: string;
  readonly faults: readonly string[];
}

/** Tries a story. */
export const tryController = async (
  history: ControllerHistory,
  { engines, ground }: { readonly engines: readonly Engine[]; readonly ground: Ground },
  { idle, isChosen, tried }: ControllerTrialOptions,
): Promise<ControllerResult> => {
  const [first] = engines;
  assert(first !== undefined, 'there is an engine');
  const whole = await play(history, { engine: first, ground }, { aim: null, expected: null });
  const failures: ControllerFailure[] = whole.faults.map((what) => ({
    fault: 'after',
    point: 'the end',
    what,
  }));
  const missed: string[] = [];
  let { restarts } = whole;
  const aims = aimsOf(whole.points, idle).filter(isChosen);
  const waiting = [...aims];
  let done = 0;
  const tryWaiting = async (engine: Engine): Promise<void> => {
    for (let aim = waiting.shift(); aim !== undefined; aim = waiting.shift()) {
      const { fault } = aim;
      const point = `${aim.name} #${aim.nth}`;
      const played = await tryOne(history, { engine, ground }, { aim, expected: whole.outcome });
      restarts += played.restarts;
      if (!played.hasEnded) missed.push(`${fault} ${point}`);
      failures.push(...played.faults.map((what) => ({ fault, point, what })));
      done += 1;
      tried(history.name, { aim, faults: played.faults, done, of: aims.length });
    }
  };
  await Promise.all(engines.map(tryWaiting));
  const { points } = whole;
  return { history: history.name, points, trials: aims.length - missed.length, missed, restarts, failures };
};

/** Points that a controller comes by of which nobody wants anything. */
export const idleNames = async (engine: Engine, ground: Ground): Promise<Set<string>> => {
  const site = await MortalSite.of(engine, ground);
  try {
    await site.start();
    site.controller.arm(null);
    await pause(IDLE_MS);
    // What a device says of its start may still come in; it does so once.
    return new Set(site.controller.points.flatMap(({ name, nth }) => (nth > 1 ? [name] : [])));
  } finally {
    await site.close();
  }
};

/** Where to end: each point by each of its faults. */
const aimsOf = (points: readonly Point[], idle: ReadonlySet<string>): Aim[] =>
  points
    .filter(({ name, nth }) => nth === 1 || !idle.has(name))
    .flatMap(({ kind, name, nth }) => FAULTS_OF[kind].map((fault) => ({ fault, name, nth })));

interface Trial {
  readonly aim: Aim | null;
  /** What must come of it; null when this is to be found out. */
  readonly expected: string | null;
}

const tryOne = async (
  history: ControllerHistory,
  on: { readonly engine: Engine; readonly ground: Ground },
  trial: Trial,
): Promise<Played> => {
  let played = await play(history, on, trial);
  for (let tries = 1; tries < TRIES && !played.hasEnded && played.faults.length === 0; tries += 1)
    played = await play(history, on, trial);
  return played;
};

const play = async (
  history: ControllerHistory,
  { engine, ground }: { readonly engine: Engine; readonly ground: Ground },
  { aim, expected }: Trial,
): Promise<Played> => {
  const site = await MortalSite.of(engine, ground);
  const { controller } = site;
  try {
    if (history.ground === 'nothing') controller.arm(aim);
    await site.start();
    await history.before?.(site);
    controller.arm(aim);
    await history.act(site);
    const { faults, outcome } = await judged(history, site, expected);
    return { ...seen(controller), outcome, faults };
  } catch (thrown) {
    const faults = [
      ...controller.faults,
      `it goes no further: ${toNanofleetError(thrown).message} ${String(thrown)}`,
    ];
    return { ...seen(controller), outcome: '', faults };
  } finally {
    await site.close();
  }
};

const seen = ({ hasEnded, points, restarts }: MortalController) => ({ hasEnded, points, restarts });

/** What came of a story, once it is what must come of it or does not become so. */
const judged = async (history: ControllerHistory, site: MortalSite, expected: string | null) => {
  const look = async () => {
    const outcome = JSON.stringify(await history.outcome(site));
    const faults = await siteFaults(site);
    if (expected !== null && outcome !== expected) faults.push(`it came to ${outcome}, not ${expected}`);
    return { outcome, faults };
  };
  const rested = async () => {
    const found = await look();
    if (found.faults.length > 0) throw new TypeError('not at rest');
  };
  await eventually(rested, PATIENCE).catch(() => undefined);
  return look();
};
