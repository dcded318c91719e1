// A budget that is used up is told in the timeline, once a day, however many questions come after it.
import { systemClock, systemRandom } from '@nanofleet/controller';
import { publishBundle, TestController } from '@nanofleet/controller/testing';
import { type BodyOf, makeUuid } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { settingsFor } from './parts/questions.ts';
import { TestProvider } from './server.ts';

let provider: TestProvider;
let controller: TestController;

beforeAll(async () => {
  provider = await TestProvider.start({ clock: systemClock });
  const settings = settingsFor(provider, { budgetPerDay: 1 });
  controller = await TestController.start('embedded', {}, { provider: settings });
});
afterAll(async () => {
  await controller.close();
  await provider.close();
});

it('a budget that does not cover a call is told once', async () => {
  const { digest } = await publishBundle(controller);
  await controller.call('makeRollout', { body: { digest, target: { controller: true } } });
  await controller.call('setPolicy', { params: { group: 'homes' }, body: { offload: 'cloud' } });
  const device = await controller.device('spender');
  await device.connect({ brokerUrl: controller.brokerUrl });
  await device.birth();
  for (const sequence of [1, 2]) {
    const decision = makeUuid(systemClock.unixMs(), systemRandom.bytes(10));
    const local = { label: 'x', confidence: 0.2, outOfScope: 0.5, verdict: 'unsure' };
    const text = `kindly repaint fence number ${sequence}`;
    const body = { decision, line: 'intent', version: '1.0.0', text, redacted: {}, local };
    const options = {
      record: { epoch: '0123456789abcdef', sequence },
      remainingMs: 60_000,
      correlation: decision,
    };
    await device.send('offload/req', body as BodyOf<'offload/req'>, options);
    await eventually(() => {
      expect(device.answers.filter((answer) => answer.decision === decision)).toHaveLength(1);
    });
  }
  await eventually(async () => {
    const { items } = await controller.call('timeline', { query: { kind: 'budget-reached' } });
    expect(items).toMatchObject([{ code: 'BUDGET_SPENT' }]);
  });
});
