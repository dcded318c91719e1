// Agents of earlier releases against today's controller: the bytes that they sent and got decode, and their very programs
// enrol over TLS, load a model, decide, report, and upgrade themselves to today's agent.
import { join } from 'node:path';
import {
  compareAgentVersions,
  DEVICE_PATHS,
  decodeFor,
  decodeFrame,
  decodeUpdate,
  desiredStateSchema,
  deviceAgentSchema,
  deviceDetailSchema,
  encodeFrame,
  encodeMessage,
  enrolAnswerSchema,
  enrolmentSchema,
  enrolRequestSchema,
  FrameAssembly,
  isFrame,
  parseTopic,
} from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeRelease } from '../faults/parts/agent-releases.ts';
import { startAgentBy } from '../faults/parts/agents.ts';
import { signedBundle } from '../faults/parts/bundles.ts';
import { runProgram } from '../faults/parts/programs.ts';
import { keepStandardError } from '../faults/parts/quiet.ts';
import { TlsFleet } from '../faults/parts/tls-fleet.ts';
import { installRecorded, messagesOf, recordedVersions } from './recorded-release.ts';
import type { Passed } from './taps.ts';

/** Higher than any release that was recorded. */
const NEXT = '999.0.0';
const versions = recordedVersions();

const jsonIn = ({ payload }: Passed): unknown => JSON.parse(payload.toString('utf8'));

/** What some bytes say: the value of a message, in whatever order its fields come, and the bytes of a frame. */
const meaningOf = (bytes: Uint8Array): unknown =>
  isFrame(bytes) ? Buffer.from(bytes).toString('hex') : JSON.parse(Buffer.from(bytes).toString('utf8'));

/** The bytes that today's codec makes of what it reads in some bytes. */
const again = ({ payload, topic }: Passed): Uint8Array => {
  if (isFrame(payload)) return encodeFrame(decodeFrame(payload));
  const { channel, device } = parseTopic(topic);
  const kind = channel.kind === 'round' ? `round/${channel.step}` : channel.kind;
  return encodeMessage(decodeFor({ kind, device } as Parameters<typeof decodeFor>[0], payload));
};

describe.each(versions)('what agents of release %s sent and got', (version) => {
  const all = messagesOf(version);
  const messages = all.filter(({ topic }) => !topic.startsWith('/'));
  const posted = (direction: string) =>
    all.filter((one) => one.topic === DEVICE_PATHS.enrol && one.direction === direction);

  it('holds each message of a device’s life', () => {
    const kinds = new Set(
      messages.map(({ direction, topic }) => `${direction} ${parseTopic(topic).channel.kind}`),
    );
    const up = ['birth', 'reported', 'beat', 'event', 'offload/req', 'round', 'death'].map(
      (kind) => `up ${kind}`,
    );
    const down = ['desired', 'ack', 'offload/res', 'round'].map((kind) => `down ${kind}`);
    expect([...up, ...down].filter((kind) => !kinds.has(kind))).toEqual([]);
  });

  it.each(messages.map((one) => [`${one.direction} ${one.topic}`, one] as const))(
    'decodes, and nothing of it is lost: %s',
    (_name, one) => {
      expect(meaningOf(again(one))).toEqual(meaningOf(one.payload));
    },
  );

  it('holds a desired state and a model update that are still read', () => {
    const desired = messages.filter(({ topic }) => topic.endsWith('/desired'));
    expect(desired.length).toBeGreaterThan(0);
    for (const one of desired) {
      const { body } = z.object({ body: z.object({ signed: z.string() }) }).parse(jsonIn(one));
      expect(desiredStateSchema.parse(JSON.parse(body.signed)).fleet).toBe('test');
    }
    const update = messages.find(({ direction, topic }) => direction === 'up' && topic.endsWith('/update'));
    const bytes = new FrameAssembly(65_536).take(decodeFrame(update?.payload ?? Buffer.of()));
    expect(decodeUpdate(bytes ?? new Uint8Array()).tensors.length).toBeGreaterThan(0);
  });

  it('holds an enrolment as it is asked for and answered', () => {
    const [asked, answered] = [posted('up'), posted('down')];
    expect([asked.length, answered.length]).toEqual([1, 1]);
    for (const one of asked) expect(enrolRequestSchema.parse(jsonIn(one)).device).toBe('home-1');
    for (const one of answered) {
      const { signed } = enrolAnswerSchema.parse(jsonIn(one));
      expect(enrolmentSchema.parse(JSON.parse(signed)).device).toBe('home-1');
    }
  });
});

describe('the agents of releases that were recorded', () => {
  const fleet = new TlsFleet();
  const at = (...parts: string[]): string => join(fleet.scratch, ...parts);
  const asked = async <S extends z.ZodType>(schema: S, ...argv: string[]): Promise<z.output<S>> =>
    schema.parse(JSON.parse((await fleet.nanofleet(...argv, '--json')).out));

  beforeAll(async () => {
    keepStandardError();
    await fleet.run();
    await fleet.login('--authority', fleet.controller.running.authorityKeyId ?? '');
    signedBundle({ from: 'nano-s', to: at('bundle'), key: fleet.publisher });
    expect(await fleet.nanofleet('models', 'push', at('bundle'), '--all')).toMatchObject({ code: 0 });
    await makeRelease(at('next'), NEXT);
    expect(await fleet.nanofleet('agents', 'sign', at('next'))).toMatchObject({ code: 0 });
  }, 240_000);

  it('are there, and none is newer than what a device may become', () => {
    expect(versions.length).toBeGreaterThan(0);
    expect(versions.filter((version) => compareAgentVersions(version, NEXT) >= 0)).toEqual([]);
  });

  it.each(versions)(
    'enrol over TLS, load a model, decide, report, and become today’s agent: %s',
    async (version) => {
      const name = `from-${version.replaceAll('.', '-')}`;
      const loader = installRecorded(version, at('installed', version));
      const token = await fleet.token();
      const enrolled = await runProgram({
        file: loader,
        args: ['enrol', '--dir', at(name), '--name', name, '--token', token],
      });
      expect(enrolled).toMatchObject({ code: 0 });
      const agent = await startAgentBy(loader, at(name));
      await eventually(async () => {
        const { lines, link } = await agent.status();
        expect({ link, lines }).toMatchObject({ link: 'connected', lines: { intent: { step: 'settled' } } });
        expect(Object.values(lines)[0]?.running).not.toBeNull();
      });
      const decision = await agent.ask('turn on the light in the kitchen');
      await eventually(async () => {
        const { out } = await fleet.nanofleet('events', '--type', 'decision', '--json');
        expect(out).toContain(decision.id);
      });
      await eventually(async () => {
        const found = await asked(deviceDetailSchema, 'devices', 'show', name);
        expect(found).toMatchObject({ agentVersion: version, status: 'online' });
        expect(found.beat?.decisions.total).toBeGreaterThan(0);
      });

      expect(await fleet.nanofleet('agents', 'push', at('next'), '--all')).toMatchObject({ code: 0 });
      await eventually(async () =>
        expect(await asked(z.array(deviceAgentSchema), 'agents', 'status', name)).toMatchObject([
          { state: 'running', version: NEXT, isOnline: true },
        ]),
      );
      expect((await agent.ask('turn on the light in the kitchen')).label).toBe(decision.label);
    },
    120_000,
  );
});
