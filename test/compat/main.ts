// Records a release of the agent for the tests of later controllers: its programs, and the bytes of an enrolment, of beats,
// decisions, an offload and a round, between that very agent and the controller of this tree. Once per release, by
// `node scripts/record-release.mjs`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DEVICE_PATHS,
  LOCAL_PATHS,
  labelAnswerSchema,
  labelPath,
  lineIdSchema,
  parseTopic,
} from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { z } from 'zod';
import { startAgentBy, type TestAgent } from '../faults/parts/agents.ts';
import { signedBundle } from '../faults/parts/bundles.ts';
import { CLONE, scratchDirectory } from '../faults/parts/clone.ts';
import { startTestController, type TestController } from '../faults/parts/controller.ts';
import { jsonOf } from '../faults/parts/http.ts';
import { runProgram } from '../faults/parts/programs.ts';
import { installRecorded, recordMessages, recordPrograms } from './recorded-release.ts';
import { type Passed, tapHttp, tapMqtt } from './taps.ts';

const LINE = lineIdSchema.parse('intent');
const HOMES = [1, 2];
const spokenSchema = z.object({ text: z.string(), intent: z.string(), home: z.int().optional() });

const corpus = (part: 'devices' | 'controller') =>
  readFileSync(CLONE.corpus(part), 'utf8')
    .trim()
    .split('\n')
    .map((line) => spokenSchema.parse(JSON.parse(line)));

const expectThat = (isSo: boolean, what: string): void => {
  if (!isSo) throw new TypeError(`not yet: ${what}`);
};

/** One of each: what it is by its topic, without device and round. */
const kindOf = ({ direction, topic }: Passed): string => {
  if (topic.startsWith('/')) return `${direction} ${topic}`;
  const { channel } = parseTopic(topic);
  return `${direction} ${channel.kind} ${'step' in channel ? channel.step : ''}`;
};

const label = async (agent: TestAgent, text: string, intent: string): Promise<void> => {
  const { id } = await agent.ask(text);
  labelAnswerSchema.parse(jsonOf(await agent.send({ path: labelPath(id), body: { label: intent } })));
};

interface World {
  readonly controller: TestController;
  readonly scratch: string;
  readonly loader: string;
  /** Address of the controller by way of the tap. */
  readonly url: string;
}

/** Two homes whose agents run the household's bundle, and a controller that answers what they do not know. */
const startHomes = async ({ controller, loader, scratch, url }: World): Promise<TestAgent[]> => {
  const key = controller.publisher;
  const bundle = signedBundle({ from: 'household-2', to: join(scratch, 'household-2'), key });
  await controller.push(bundle);
  await controller.call('makeRollout', { body: { digest: bundle.digest, target: { all: true } } });
  const mini = signedBundle({ from: 'household-mini', to: join(scratch, 'mini'), key });
  await controller.push(mini);
  await controller.call('makeRollout', { body: { digest: mini.digest, target: { controller: true } } });
  const agents: TestAgent[] = [];
  for (const home of HOMES) {
    const name = `home-${home}`;
    const directory = join(scratch, name);
    const token = await controller.fleetToken({ change: { url } });
    const args = ['enrol', '--dir', directory, '--name', name, '--token', token];
    const { code, err } = await runProgram({ file: loader, args });
    expectThat(code === 0, err);
    agents.push(await startAgentBy(loader, directory));
  }
  for (const agent of agents)
    await eventually(async () => {
      const { lines } = await agent.status();
      expectThat(lines[LINE]?.running?.digest === bundle.digest, 'the bundle runs');
    });
  return agents;
};

/** New intents, what the homes said of them, and a round that makes a candidate of it. */
const learn = async (controller: TestController, agents: readonly TestAgent[]): Promise<void> => {
  const examples = corpus('controller').map(({ text, intent }) => ({ text, intent }));
  await controller.call('putExamples', { params: { line: LINE }, body: { examples } });
  const said = corpus('devices').filter(({ home }) => HOMES.includes(home ?? 0));
  const intents = [...new Set(said.map(({ intent }) => intent))];
  for (const name of intents) await controller.call('addIntent', { params: { line: LINE }, body: { name } });
  for (const [at, agent] of agents.entries()) {
    const body = { text: 'ready?', label: intents.at(-1) ?? '' };
    await eventually(async () =>
      expectThat((await agent.send({ path: LOCAL_PATHS.examples, body })).status === 200, 'labels are known'),
    );
    for (const { home, intent, text } of said) if (home === HOMES[at]) await label(agent, text, intent);
  }
  const settings = { updatesMin: 2, updatesMax: 2, deadlineS: 120 };
  const { id } = await controller.call('startRound', { body: { line: LINE, settings } });
  await eventually(async () =>
    expectThat((await controller.call('round', { params: { id } })).status === 'candidate', 'a candidate'),
  );
};

const WANTED = [
  `up ${DEVICE_PATHS.enrol}`,
  ...['up round accept', 'up round update', 'down round result'],
  ...['up beat ', 'up event ', 'down ack ', 'down offload/res '],
];

async function main([version = '', programs = '']: string[]): Promise<void> {
  recordPrograms(version, programs);
  const passed: Passed[] = [];
  const note = (one: Passed): void => void passed.push(one);
  const [mqtt, http] = await Promise.all([tapMqtt(note), tapHttp(note)]);
  const url = `http://127.0.0.1:${http.port}`;
  const settings = { advertisedMqttUrl: `mqtt://127.0.0.1:${mqtt.port}`, advertisedHttpUrl: url };
  const controller = await startTestController({ publisher: generateSigningKey(), settings });
  mqtt.aimAt(controller.running.mqttPort);
  http.aimAt(controller.running.httpPort);
  const scratch = scratchDirectory();
  const loader = installRecorded(version, join(scratch, 'installed'));
  const agents = await startHomes({ controller, loader, scratch, url });
  await learn(controller, agents);
  await eventually(() => {
    const kinds = new Set(passed.map(kindOf));
    for (const kind of WANTED) expectThat(kinds.has(kind), `${kind}; ${[...kinds].join(', ')}`);
  });
  for (const agent of agents) await agent.stop();
  await eventually(() => expectThat(passed.map(kindOf).includes('up death '), 'goodbye'));
  const first = new Map<string, Passed>();
  for (const one of passed) if (!first.has(kindOf(one))) first.set(kindOf(one), one);
  const last = passed.findLast((one) => kindOf(one) === 'down desired ');
  recordMessages(version, [...first.values(), ...(last === undefined ? [] : [last])]);
  console.log(`${version}: ${[...first.keys()].map((kind) => kind.trim()).join(', ')}`);
  process.exit(0);
}

await main(process.argv.slice(2));
