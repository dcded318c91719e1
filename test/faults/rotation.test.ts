// Rotation of the authority and of the controller's key with real agents: some are away meanwhile, none is lost, and who
// holds an old key is a stranger afterwards.
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@nanofleet/controller';
import { Authority } from '@nanofleet/controller/testing';
import { deviceIdSchema, trustSchema } from '@nanofleet/protocol';
import { generateTlsKey, spkiOf } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { mustEnrol, startAgentHere, type TestAgent, untilConnected } from './parts/agents.ts';
import { FLEET } from './parts/operator.ts';
import { keepStandardError } from './parts/quiet.ts';
import { TlsFleet, tlsIn } from './parts/tls-fleet.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ hookTimeout: 240_000, testTimeout: 240_000 });
/** A device that has lost its link waits up to half a minute before it tries again. */
const PATIENT = { withinMs: 100_000 };
/** Characters of the log that a failed test shows. */
const LOG_SHOWN = 20_000;

const fleet = new TlsFleet();
const directoryOf = (name: string): string => join(fleet.scratch, name);
const behind = async (): Promise<string[]> =>
  (JSON.parse((await fleet.nanofleet('rotation', 'show', '--json')).out) as { behind: string[] }).behind;
let logged = (): string => '';
const problems = async (agent: TestAgent): Promise<string[]> =>
  (await agent.status()).problems.map(({ code }) => code);

// Who is left behind is told by both sides: the log of controller and agents, and what the controller knows of the device.
beforeEach(({ onTestFailed }) =>
  onTestFailed(async () => {
    const known = await fleet.nanofleet('devices', 'show', 'present', '--json');
    console.log(logged().slice(-LOG_SHOWN), known.out, known.err);
  }),
);

beforeAll(async () => {
  logged = keepStandardError();
  await fleet.run();
  const pinned = fleet.controller.running.authorityKeyId ?? '';
  expect(await fleet.login('--authority', pinned)).toMatchObject({ code: 0 });
  expect(await fleet.nanofleet('trust', 'init')).toMatchObject({ code: 0 });
  for (const name of ['present', 'late', 'lost']) await fleet.enrolled(name);
});

describe.each(['authority', 'controller-key'] as const)('a rotation of the %s', (part) => {
  it('is followed by who is there, then by who comes in time, and by who enrols again', async () => {
    const present = await startAgentHere(directoryOf('present'));
    await untilConnected(present);
    const stolen = join(fleet.scratch, `stolen-${part}`);
    const file = part === 'authority' ? 'ca.key.pem' : 'controller.key.pem';
    copyFileSync(join(fleet.controller.directory, file), stolen);

    expect(await fleet.nanofleet(part, 'rotate', '--overlap', '1h')).toMatchObject({ code: 0, err: '' });
    await eventually(async () => expect(await behind()).toEqual(['late', 'lost']));
    const refused = await fleet.nanofleet('rotation', 'finish');
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain('late, lost');

    const late = await startAgentHere(directoryOf('late'));
    await untilConnected(late);
    await eventually(async () => expect(await behind()).toEqual(['lost']), PATIENT);
    expect(await fleet.nanofleet('rotation', 'finish', '--leave-behind')).toMatchObject({ code: 0 });
    await eventually(async () => expect(await behind()).toEqual(['lost']), PATIENT);
    expect([await problems(present), await problems(late)]).toEqual([[], []]);
    await late.stop();

    // Who was away all the time is told so, and comes back under its name.
    const token = await fleet.token();
    await mustEnrol({ directory: directoryOf('lost'), name: 'lost', token });
    const lost = await startAgentHere(directoryOf('lost'));
    await untilConnected(lost);
    await eventually(async () => expect(await behind()).toEqual([]), PATIENT);
    await lost.stop();
    await present.stop();

    expect(readFileSync(join(fleet.controller.directory, file), 'utf8')).not.toBe(
      readFileSync(stolen, 'utf8'),
    );
  });

  it('holds after a restart of the controller, and devices come in again', async () => {
    const { httpPort, mqttPort } = fleet.controller.running;
    await fleet.controller.running.stop();
    await fleet.run({ httpPort, mqttPort });
    for (const name of ['present', 'late', 'lost']) {
      const agent = await startAgentHere(directoryOf(name));
      await untilConnected(agent);
      await agent.stop();
    }
    expect(await behind()).toEqual([]);
    // The publishers' root names the key that signs now, and no other.
    const { roles } = trustSchema.parse(
      JSON.parse((await fleet.nanofleet('trust', 'show', '--json')).out) as unknown,
    );
    const { controllerKeyId } = fleet.controller.running;
    expect(roles.find(({ role }) => role === 'timestamp')?.keyIds).toEqual([controllerKeyId]);
  });
});

it('leaves a thief of the old authority a stranger, as a device and as a controller', async () => {
  const { ca, ...present } = tlsIn(directoryOf('present'));
  const certificateFile = join(fleet.controller.directory, 'ca.old.pem');
  // Devices do not believe it any more, so that no listener of the thief is their controller.
  expect(ca.join()).not.toContain(readFileSync(certificateFile, 'utf8').trim());
  const given = { keyFile: join(fleet.scratch, 'stolen-authority'), certificateFile };
  const thief = await Authority.open({ directory: '', fleet: FLEET, given, random: systemRandom });
  const key = generateTlsKey();
  const forged = await thief.certifyDevice(deviceIdSchema.parse('present'), {
    spki: spkiOf(key),
    nowMs: systemClock.unixMs(),
  });
  const shown = { ca, cert: forged, key: key.export({ format: 'pem', type: 'pkcs8' }).toString() };
  expect(await fleet.comeIn({ device: 'present', tls: shown })).toBe('refused');
  expect(await fleet.comeIn({ device: 'present', tls: { ca, ...present } })).toBe('in');
});

it('ends by itself when its time is over, also while the controller was away', async () => {
  const present = await startAgentHere(directoryOf('present'));
  await untilConnected(present);
  const { httpPort, mqttPort } = fleet.controller.running;
  fleet.controller.passMs(-7_200_000);
  expect((await fleet.nanofleet('controller-key', 'rotate', '--overlap', '1h')).code).toBe(0);
  await eventually(async () => expect(await behind()).not.toContain('present'), PATIENT);
  const before = readFileSync(join(fleet.controller.directory, 'controller.key.pem'), 'utf8');
  await fleet.controller.running.stop();
  await fleet.run({ httpPort, mqttPort });
  await eventually(async () =>
    expect((await fleet.nanofleet('rotation', 'show')).out).toContain('has taken over'),
  );
  expect(readFileSync(join(fleet.controller.directory, 'controller.key.pem'), 'utf8')).not.toBe(before);
  await eventually(async () => expect(await behind()).not.toContain('present'), PATIENT);
  await present.stop();
});
