// From a program on a device to the provider and back: real agent, real broker and database, the provider over a socket.

import { join } from 'node:path';
import { systemClock } from '@nanofleet/controller';
import { decisionSchema, replyLineSchema, replyPath } from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  mustEnrol,
  runAgentCommand,
  startAgentHere,
  type TestAgent,
  untilConnected,
} from '../faults/parts/agents.ts';
import { signedBundle } from '../faults/parts/bundles.ts';
import { scratchDirectory } from '../faults/parts/clone.ts';
import { startTestController, type TestController } from '../faults/parts/controller.ts';
import { settingsFor } from './parts/questions.ts';
import { TestProvider } from './server.ts';

/** Nothing that the model knows, and a personal detail that must not leave. */
const UNKNOWN = 'kindly repaint fence number 7 and tell bob@example.com';
const REPLY = 'I understood kindly repaint, but nobody taught this home what to do then.';

const scratch = scratchDirectory();
let provider: TestProvider;
let controller: TestController;
let agent: TestAgent;

beforeAll(async () => {
  provider = await TestProvider.start({ clock: systemClock });
  const publisher = generateSigningKey();
  controller = await startTestController({ publisher, settings: { provider: settingsFor(provider) } });
  const bundle = signedBundle({
    from: 'household-1',
    to: join(scratch, 'bundles', 'household-1'),
    key: publisher,
  });
  await controller.push(bundle);
  const token = await controller.fleetToken();
  const directory = join(scratch, 'home-1');
  await mustEnrol({ directory, token, name: 'home-1' });
  const { group } = await controller.call('device', { params: { device: 'home-1' } });
  await controller.call('setPolicy', { params: { group }, body: { offload: 'cloud' } });
  agent = await startAgentHere(directory, '--bundles', join(scratch, 'bundles'));
  await untilConnected(agent);
  await eventually(async () => expect((await agent.status()).offload).toBe('cloud'));
  await eventually(async () => {
    const shown = await controller.call('device', { params: { device: 'home-1' } });
    expect(Object.keys(shown.lines)).toEqual(['intent']);
  });
}, 120_000);
beforeEach(() => provider.reset());
afterAll(() => provider.close());

it('a question that is waited for gets intent, entities and reply, and the provider no personal detail', async () => {
  const { offload, verdict } = await agent.ask(UNKNOWN, { waitMs: 30_000 });
  expect(verdict).not.toBe('sure');
  expect(offload).toMatchObject({
    status: 'answered',
    answer: {
      tier: 'cloud',
      label: null,
      proposed: 'kindly_repaint',
      reply: REPLY,
      entities: [{ name: 'number', value: '7' }],
    },
  });
  const sent = JSON.stringify(provider.requests[0]?.body);
  expect(sent).toContain('<email>');
  expect(sent).not.toContain('bob@');
});

it('the reply is there for a local program while it is being written', async () => {
  provider.script({ is: 'answer', betweenMs: 5 });
  const { id } = await agent.ask(UNKNOWN);
  const { text } = await agent.send({ path: replyPath(id) });
  const lines = text
    .trim()
    .split('\n')
    .map((line) => replyLineSchema.parse(JSON.parse(line)));
  const pieces = lines.flatMap((line) => ('text' in line ? [line.text] : []));
  expect(pieces.join('')).toBe(REPLY);
  expect(pieces.length).toBeGreaterThan(1);
  expect(lines.at(-1)).toMatchObject({ decision: { id, offload: { status: 'answered' } } });
  const again = await agent.send({ path: replyPath(id) });
  expect(decisionSchema.parse((JSON.parse(again.text) as { decision: unknown }).decision).id).toBe(id);
  const unknown = await agent.send({ path: replyPath('0193a0c0-0000-7000-8000-000000000001') });
  expect(unknown.status).toBe(404);
});

it('the command shows the reply and then what was decided', async () => {
  const asked = ['--dir', agent.directory, '--wait-ms', '30000', UNKNOWN];
  const { code, out } = await runAgentCommand('ask', ...asked);
  expect(code).toBe(0);
  const [reply, , bigger] = out.split('\n');
  expect(reply).toBe(REPLY);
  expect(bigger).toMatch(
    /^bigger tier: something new: kindly_repaint {2}out-of-scope, by cloud in \d+ ms; number=7$/,
  );
  const json = decisionSchema.parse(JSON.parse((await runAgentCommand('ask', '--json', ...asked)).out));
  expect(json.offload.answer?.reply).toBe(REPLY);
});

it('the command shows which words decided once the policy of the group allows it', async () => {
  const explained = ['ask', '--dir', agent.directory, '--explain', 'switch on the attic lamp'];
  const { group } = await controller.call('device', { params: { device: 'home-1' } });
  const refused = await runAgentCommand(...explained);
  expect(refused.code).toBe(0);
  expect(refused.out).toMatch(/because: EXPLANATION_REFUSED: .* operator/);
  // What the refusal tells an operator to type.
  expect(refused.out).toContain(`nanofleet groups explanations ${group} local`);
  await controller.call('setExplanations', { params: { group }, body: { explanations: 'local' } });
  await eventually(async () => expect((await agent.status()).explanations).toBe('local'));
  const { out } = await runAgentCommand(...explained);
  expect(out).toMatch(/^ {2}because: (\w+ [+-]\d+\.\d\d, ){4}\w+ [+-]\d+\.\d\d$/m);
  await controller.call('setExplanations', { params: { group }, body: { explanations: 'never' } });
  await eventually(async () => expect((await agent.status()).explanations).toBe('never'));
  expect((await runAgentCommand(...explained)).out).toContain('EXPLANATION_REFUSED');
  expect((await agent.status()).offload).toBe('cloud');
});

it('a stream that breaks within the reply leaves the device its own decision and the reason', async () => {
  provider.script({ is: 'cut', after: 18 });
  const { offload } = await agent.ask(UNKNOWN, { waitMs: 30_000 });
  expect(offload).toMatchObject({ status: 'unanswered', code: 'PROVIDER_STREAM_BROKEN' });
});

it('nothing of the text is left in the controller, and the device lists what has left it', async () => {
  const { items } = await controller.call('offloads');
  expect(items.length).toBeGreaterThan(0);
  expect(controller.log()).not.toMatch(/repaint|bob@/);
  const outbound = await runAgentCommand('outbound', '--dir', agent.directory, '--json');
  expect(outbound.out).toContain('"policy":"cloud"');
  expect(outbound.out).not.toContain('repaint');
});
