// What a device does in a federated round: it learns three sentences, trains on them, and sends what came of it.
import { type Message, type RoundPlan, uuidSchema } from '@nanofleet/protocol';
import { ADDED_TENSORS } from '@nanofleet/runtime';
import { type CrashDevice, identity } from './crash-device.ts';
import type { Steps } from './crash-device-history.ts';

const LABEL = 'feed_pet';
const ROUND = uuidSchema.parse('01890a5d-ac96-774b-bcce-b302099a8057');
const SENTENCES = ['please feed the goldfish', 'the hamster needs its dinner', 'give the cat some kibble'];

const planOn = (base: string): RoundPlan =>
  ({
    ...{ line: 'intent', base, labels: { version: 2, added: [LABEL] }, tensors: [...ADDED_TENSORS] },
    ...{ examplesMin: 1, examplesMax: 100, steps: 3, learningRate: 0.003, clipNorm: 16, noise: 0 },
    ...{ masked: false, seed: 7 },
  }) as unknown as RoundPlan;

const hasContributed = ({ broker }: CrashDevice): boolean =>
  broker.seen.some(({ topic }) => topic.endsWith('/update'));

/** A round: desired labels, examples, a plan, an update. */
export const roundSteps: Steps = {
  desired: { labels: { version: 2, added: [LABEL] } },
  act: async (device, kept) => {
    for (const text of SENTENCES) {
      const { id } = await device.agent.decide(text, {});
      device.agent.label(id, { label: LABEL });
      kept.examples += 1;
    }
    announce(device);
    await device.until(() => hasContributed(device));
  },
  again: async (device, kept) => {
    const { total } = device.agent.examples();
    const faults = total >= kept.examples ? [] : [`of ${kept.examples} examples ${total} are left`];
    if (total === 0) {
      await device.agent
        .decide(SENTENCES[0] ?? '', {})
        .then(({ id }) => device.agent.label(id, { label: LABEL }));
    }
    announce(device);
    const isDone = await device.until(() => hasContributed(device));
    return isDone ? faults : [...faults, 'the device takes part in no round any more'];
  },
};

const announce = (device: CrashDevice): void => {
  const base = device.report?.running?.digest ?? '';
  const message = {
    kind: 'round/plan',
    device: identity.device,
    at: 1,
    remainingMs: 600_000,
    body: planOn(base),
  };
  device.tell(message as Message, { kind: 'round', round: ROUND, step: 'plan' });
};
