/**
 * After the story the homes go on living: each says the next line of its script now and then, the pump turns. One quiet
 * line sums up, until somebody ends it. Owns the rhythm; never judges answers.
 */

import { DEVICES, type DeviceName, type Fleet } from './fleet.ts';
import type { Screen } from './screen.ts';
import { wasOffered } from './story/ledger.ts';
import type { Stage } from './story/step.ts';
import { countText, durationText, quantile, shareText } from './units.ts';

/** Between two sentences of one home. */
const PAUSE_MS = 3_000;
/** Between two summaries where a line cannot be overwritten. */
const SUMMARY_MS = 30_000;
const SUMMARY_TTY_MS = 1_000;
/** Latencies kept for the summary. */
const RECENT = 500;

interface Tally {
  decisions: number;
  sentOn: number;
  failed: number;
  micros: number[];
}

/** Lives until `isOver` says so. */
export async function live(stage: Stage, isOver: () => boolean): Promise<void> {
  const { screen, world } = stage;
  const tally: Tally = { decisions: 0, sentOn: 0, failed: 0, micros: [] };
  const homes = DEVICES.filter(({ home }) => home > 0);
  const lives = homes.map(({ device, home }, at) =>
    liveAt({ stage, device, home, tally, isOver, delay: at }),
  );
  const begun = world.ticks();
  const stop = world.every(screen.isTTY ? SUMMARY_TTY_MS : SUMMARY_MS, () => {
    if (!isOver()) screen.summary(summaryOf(stage.fleet, screen, tally, world.ticks() - begun));
  });
  await Promise.all(lives);
  stop();
}

async function liveAt(options: {
  stage: Stage;
  device: DeviceName;
  home: number;
  tally: Tally;
  isOver: () => boolean;
  delay: number;
}): Promise<void> {
  const { stage, device, home, tally, isOver, delay } = options;
  const lines = stage.utterances.filter((line) => line.home === home);
  await stage.world.sleep((delay * PAUSE_MS) / DEVICES.length);
  for (let turn = 0; !isOver(); turn += 1) {
    const { text } = lines[turn % lines.length] ?? { text: 'good morning' };
    await say(stage.fleet, device, text, tally);
    await stage.world.sleep(PAUSE_MS);
  }
}

async function say(fleet: Fleet, device: DeviceName, text: string, tally: Tally): Promise<void> {
  try {
    const decision = await fleet.agent(device).decide({ text });
    tally.decisions += 1;
    tally.sentOn += wasOffered(decision) ? 1 : 0;
    tally.micros = [...tally.micros.slice(1 - RECENT), decision.micros];
  } catch {
    // The end of the fleet ends requests, too; anything else shows in the count.
    tally.failed += 1;
  }
}

function summaryOf(fleet: Fleet, screen: Screen, tally: Tally, sinceMs: number): string {
  const minutes = Math.floor(sinceMs / 60_000);
  const since = `${minutes}:${String(Math.floor(sinceMs / 1_000) % 60).padStart(2, '0')}`;
  const restarts = Object.values(fleet.restarts).reduce((sum, count) => sum + count, 0);
  const parts = [
    `${countText(tally.decisions)} decisions`,
    `p50 ${tally.micros.length === 0 ? '–' : durationText(quantile(tally.micros, 0.5))}`,
    `${shareText(tally.decisions === 0 ? 0 : tally.sentOn / tally.decisions)} sent on`,
    ...(tally.failed > 0 ? [`${tally.failed} failed`] : []),
    ...(restarts > 0 ? [`${restarts} processes started again`] : []),
  ];
  return screen.paint(`  the homes live on  ${since}  ${parts.join(', ')}   (Ctrl-C ends everything)`, 'dim');
}
