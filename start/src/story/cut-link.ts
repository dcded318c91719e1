/**
 * Step 3: the link is cut, really: every socket destroyed, new ones reset. The homes say their whole script; all of it
 * is answered. When the link is back, each id that an agent accepted must be at the controller exactly once.
 */
import type { Decision } from '@nanofleet/protocol';
import { DEVICES, type DeviceName } from '../fleet.ts';
import { countText, durationText, quantile, shareText } from '../units.ts';
import { wasOffered } from './ledger.ts';
import { lookUntil, outcomeOf, type Stage, type Step } from './step.ts';
import { isInScope, type Utterance } from './utterances.ts';

const NOTICED_WITHIN_MS = 30_000;
const DELIVERED_WITHIN_MS = 60_000;
const ACCURACY_FLOOR = 0.85;
const SENT_ON_FLOOR = 0.8;

interface Said {
  readonly device: DeviceName;
  readonly utterance: Utterance;
  readonly decision: Decision;
}

async function linkStates({ fleet }: Stage): Promise<string[]> {
  return Promise.all(fleet.devices.map(async (device) => (await fleet.agent(device).status()).link));
}

/** Records that the agents have accepted and the controller has not acknowledged. */
async function waiting({ fleet }: Stage): Promise<number> {
  const counts = await Promise.all(
    fleet.devices.map(async (device) => (await fleet.agent(device).status()).waiting),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function sayEverything({
  fleet,
  utterances,
  ledger,
}: Stage): Promise<{ said: Said[]; failed: number }> {
  const said: Said[] = [];
  let failed = 0;
  for (const { device, home } of DEVICES) {
    const lines = utterances.filter((line) => line.home === home);
    if (lines.length === 0) continue;
    const answers = await fleet.agent(device).decideBatch(lines.map(({ text }) => text));
    lines.forEach((utterance, at) => {
      const decision = answers[at];
      if (decision === undefined || 'error' in decision) failed += 1;
      else {
        said.push({ device, utterance, decision });
        ledger.add(utterance.text, decision);
      }
    });
  }
  return { said, failed };
}

/** How often each id is among what the controller has stored. */
function countsOf(wanted: ReadonlySet<string>, stored: readonly string[]) {
  const times = new Map<string, number>();
  for (const id of stored) times.set(id, (times.get(id) ?? 0) + 1);
  const each = [...wanted].map((id) => times.get(id) ?? 0);
  return {
    once: each.filter((count) => count === 1).length,
    missing: each.filter((count) => count === 0).length,
    // Also ids that the story has not asked about: nothing may be there twice.
    doubled: [...times.values()].filter((count) => count > 1).length,
  };
}

async function storedOffloads({ fleet }: Stage): Promise<{ decision: string; status: string }[]> {
  const pages = await Promise.all(
    fleet.devices.map((device) => fleet.operator.call('offloads', { query: { device, limit: 500 } })),
  );
  return pages.flatMap(({ items }) => items);
}

async function storedDecisions({ fleet }: Stage, after: number): Promise<string[]> {
  const events = await fleet.operator.eventsAfter(after, 'decision');
  return events.map(({ event }) => String(event['decision']));
}

interface Delivery {
  readonly offloads: ReturnType<typeof countsOf>;
  readonly decisions: ReturnType<typeof countsOf>;
  readonly unfinished: number;
}

async function deliveryOf(stage: Stage, said: readonly Said[], after: number): Promise<Delivery> {
  const offered = new Set<string>(
    said.filter(({ decision }) => wasOffered(decision)).map(({ decision }) => decision.id),
  );
  const made = new Set<string>(said.map(({ decision }) => decision.id));
  const stored = await storedOffloads(stage);
  const offloads = countsOf(
    offered,
    stored.map(({ decision }) => decision),
  );
  const unfinished = stored.filter(
    ({ decision, status }) => offered.has(decision) && status === 'waiting',
  ).length;
  const decisions = countsOf(made, await storedDecisions(stage, after));
  return { offloads, decisions, unfinished };
}

const isDelivered = ({ offloads, decisions, unfinished }: Delivery): boolean =>
  offloads.missing === 0 && decisions.missing === 0 && unfinished === 0;

async function play(stage: Stage) {
  const { world, fleet } = stage;
  const after = await fleet.operator.newestPosition();
  fleet.link.cut();
  fleet.web.cut();
  const cutAt = world.ticks();
  const states = await lookUntil(world, {
    look: () => linkStates(stage),
    until: (seen) => seen.every((state) => state !== 'connected'),
    withinMs: NOTICED_WITHIN_MS,
  });
  const before = await fleet.operator.call('fleet');
  const { said, failed } = await sayEverything(stage);
  const during = await fleet.operator.call('fleet');
  fleet.link.restore();
  fleet.web.restore();
  const restoredAt = world.ticks();
  await lookUntil(world, {
    look: () => waiting(stage),
    until: (records) => records === 0,
    withinMs: DELIVERED_WITHIN_MS,
  });
  const delivery = await lookUntil(world, {
    look: () => deliveryOf(stage, said, after),
    until: isDelivered,
    withinMs: DELIVERED_WITHIN_MS,
    everyMs: 200,
  });
  const deliveredMs = world.ticks() - restoredAt;
  const afterwards = await fleet.operator.call('fleet');
  return judged({
    states,
    said,
    failed,
    asked: stage.utterances.filter(isInScope).length,
    delivery,
    cutMs: restoredAt - cutAt,
    deliveredMs,
    counts: {
      before: before.offloads.total,
      during: during.offloads.total,
      after: afterwards.offloads.total,
    },
  });
}

function judged(seen: {
  states: readonly string[];
  said: readonly Said[];
  failed: number;
  asked: number;
  delivery: Delivery;
  cutMs: number;
  deliveredMs: number;
  counts: { before: number; during: number; after: number };
}) {
  const { said, failed, delivery, states, counts } = seen;
  const inScope = said.filter(({ utterance }) => isInScope(utterance));
  const outOfScope = said.filter(({ utterance }) => !isInScope(utterance));
  const right = inScope.filter(({ utterance, decision }) => decision.label === utterance.intent).length;
  const accuracy = right / inScope.length;
  const sentOn = outOfScope.filter(({ decision }) => wasOffered(decision)).length / outOfScope.length;
  const queued = said.filter(({ decision }) => wasOffered(decision)).length;
  const p50 = quantile(
    said.map(({ decision }) => decision.micros),
    0.5,
  );
  return outcomeOf({
    lines: [
      `link cut ${durationText(seen.cutMs * 1_000)}: ${countText(inScope.length)} of ${countText(seen.asked)} in-scope sentences answered, ${shareText(accuracy)} right, ${durationText(p50)} each`,
      `link back: ${countText(delivery.offloads.once)} of ${countText(queued)} offloads and ${countText(delivery.decisions.once)} of ${countText(said.length)} decisions arrived exactly once, in ${durationText(seen.deliveredMs * 1_000)}`,
    ],
    evidence: {
      said: said.length,
      failed,
      inScope: inScope.length,
      localAccuracy: accuracy,
      outOfScope: outOfScope.length,
      outOfScopeSentOn: sentOn,
      queued,
      offloadsAtController: counts,
      delivery,
      cutMs: seen.cutMs,
      deliveredMs: seen.deliveredMs,
      p50Micros: p50,
    },
    checks: [
      [
        !states.includes('connected'),
        `expected every agent to notice the cut, their links are: ${states.join(', ')}`,
      ],
      [failed === 0, `expected every sentence to be answered, ${failed} were not`],
      [
        accuracy >= ACCURACY_FLOOR,
        `expected ≥ 85 % of in-scope sentences right, seen ${shareText(accuracy)}`,
      ],
      [
        sentOn >= SENT_ON_FLOOR,
        `expected ≥ 80 % of out-of-scope sentences sent on, seen ${shareText(sentOn)}`,
      ],
      [
        counts.during === counts.before,
        `expected nothing to reach the controller, it got ${counts.during - counts.before}`,
      ],
      [isDelivered(delivery), `expected all delivered, seen ${JSON.stringify(delivery)}`],
      [
        delivery.offloads.doubled === 0 && delivery.decisions.doubled === 0,
        `expected each once, seen ${JSON.stringify(delivery)}`,
      ],
    ],
  });
}

/** The cut link. */
export const CUT_LINK: Step = { name: 'cut-link', doing: 'the link is cut; the homes go on talking', play };
