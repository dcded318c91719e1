import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DEVICE_PATHS, PROOFS_PER_MINUTE_MAX } from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { enrol, runAgentCommand } from './parts/agents.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';

const scratch = scratchDirectory();
let controller: TestController;
let count = 0;

beforeAll(async () => {
  controller = await startTestController();
});

/** A name and directory that no test has used. */
const newDevice = () => {
  count += 1;
  return { name: `device-${count}`, directory: join(scratch, `device-${count}`) };
};

const isEnrolled = (directory: string): boolean => existsSync(join(directory, 'identity.json'));

/** Tries to enrol a new device; what it says, after the checks that hold for every refusal. */
const refused = async (token: string) => {
  const device = newDevice();
  const { code, err, out } = await enrol({ ...device, token });
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).not.toContain(token);
  expect(isEnrolled(device.directory)).toBe(false);
  expect((await controller.call('devices')).items.map((known) => known.device)).not.toContain(device.name);
  return { ...device, err };
};

describe('enrolment', () => {
  it('takes a device whose fleet token is right, and says what to run next', async () => {
    const device = newDevice();
    const { code, out } = await enrol({ ...device, token: await controller.fleetToken() });
    expect(code).toBe(0);
    expect(out).toContain(`nanofleet-agent run --dir ${device.directory}`);
    expect(isEnrolled(device.directory)).toBe(true);
  });

  it('refuses a token that was copied in part', async () => {
    const token = await controller.fleetToken();
    expect((await refused(token.slice(0, -20))).err).toMatch(/^FLEET_TOKEN_MALFORMED .*\n.*Copy it whole/);
    expect((await refused(`x${token}`)).err).toMatch(/^FLEET_TOKEN_MALFORMED .*\n.*not begin with nft1_/);
  });

  it('refuses a token that the controller never made, and one with a wrong secret', async () => {
    const unknown = { tokenId: '0193a0c0-0000-7000-8000-000000000001' };
    const unmade = await controller.fleetToken({ change: unknown });
    expect((await refused(unmade)).err).toMatch(/^FLEET_TOKEN_UNKNOWN .*\n.*make a new one/i);
    const wrong = await controller.fleetToken({ change: { secret: 'w'.repeat(43) } });
    expect((await refused(wrong)).err).toMatch(/^FLEET_TOKEN_UNKNOWN .*\n.*make a new one/i);
  });

  it('refuses an expired token, and lets the same directory enrol with a fresh one', async () => {
    const token = await controller.fleetToken({ validForS: 60 });
    controller.passMs(61_000);
    const { err, ...device } = await refused(token);
    expect(err).toMatch(/^FLEET_TOKEN_EXPIRED .*\n.*make a new one/i);
    const again = await enrol({ ...device, token: await controller.fleetToken() });
    expect(again.code).toBe(0);
  });

  it('refuses a used-up token, but not the device that it was used for', async () => {
    const token = await controller.fleetToken({ uses: 1 });
    const first = newDevice();
    expect((await enrol({ ...first, token })).code).toBe(0);
    expect((await refused(token)).err).toMatch(/^FLEET_TOKEN_USED_UP .*\n.*make a new one/i);
    expect((await enrol({ ...first, token })).code).toBe(0);
  });

  it('refuses a name that another key has, and leaves its owner as it was', async () => {
    const token = await controller.fleetToken({ uses: 2 });
    const owner = newDevice();
    expect((await enrol({ ...owner, token })).code).toBe(0);
    const thief = await enrol({ name: owner.name, directory: newDevice().directory, token });
    expect(thief.code).toBe(1);
    expect(thief.err).toMatch(/^DEVICE_NAME_TAKEN {2}.*\n.*choose another --name/);
  });

  it('refuses a controller whose key is not the one that the token pins', async () => {
    const change = { controller: generateSigningKey().fingerprint };
    const device = newDevice();
    const { code, err } = await enrol({ ...device, token: await controller.fleetToken({ change }) });
    expect(code).toBe(1);
    expect(err).toMatch(/^CONTROLLER_IDENTITY_WRONG {2}.*\n.*its key has another fingerprint/);
    expect(isEnrolled(device.directory)).toBe(false);
  });

  it('asks no controller at all over a plain URL to another host', async () => {
    const change = { url: 'http://192.0.2.1:7300' };
    const { err } = await refused(await controller.fleetToken({ change }));
    expect(err).toMatch(/^URL_NOT_PRIVATE .*\n.*http:\/\/192\.0\.2\.1 is not encrypted .* Use https:/);
  });

  it('names the controller that does not answer', async () => {
    const change = { url: 'http://127.0.0.1:1' };
    const { err } = await refused(await controller.fleetToken({ change }));
    expect(err).toMatch(/^CONTROLLER_UNREACHABLE .*\n.*http:\/\/127\.0\.0\.1:1 does not answer/);
  });

  it('answers wrong usage with exit code 2', async () => {
    const { code, err } = await runAgentCommand('enrol', '--dir', newDevice().directory);
    expect(code).toBe(2);
    expect(err).toMatch(/^SETTING_INVALID {2}.*\n.*--token is needed/);
  });
});

it('gives one address no more nonces than its bound within a minute, and says so', async () => {
  const ask = async () => {
    const answer = await fetch(`${controller.url}${DEVICE_PATHS.nonce}`, { method: 'POST' });
    return { status: answer.status, body: (await answer.json()) as { code?: string } };
  };
  const statuses: number[] = [];
  let last = { status: 0, body: {} };
  while (last.status !== 429 && statuses.length < 2 * PROOFS_PER_MINUTE_MAX) {
    const together = await Promise.all(Array.from({ length: 20 }, ask));
    last = together.at(-1) ?? last;
    statuses.push(...together.map(({ status }) => status));
  }
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(PROOFS_PER_MINUTE_MAX);
  expect(last).toMatchObject({ status: 429, body: { code: 'REQUESTS_TOO_MANY' } });
});
