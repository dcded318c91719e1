// Releases of the agent from their registration to what devices are told, and what devices say of them.
import {
  AGENT_ENTRY_FILE,
  type AgentReport,
  DEVICE_PATHS,
  type Digest,
  encodeAgentRelease,
} from '@nanofleet/protocol';
import { generateSigningKey, type SigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import type { TestDevice } from '../testing/test-device.ts';

interface Release {
  readonly digest: Digest;
  readonly program: Buffer;
  readonly body: { manifest: string; signature: string };
}

const releaseOf = (key: SigningKey, version: string): Release => {
  const program = Buffer.from(`// agent ${version}`);
  const manifest = encodeAgentRelease({
    ...{ kind: 'agent', format: 1, version, platforms: ['linux-x64'], license: 'Apache-2.0' },
    needs: { node: '20.19.0', engines: [{ name: 'none', version: '0' }], agent: '0.1.0', loader: 1 },
    files: [{ name: AGENT_ENTRY_FILE, sha256: sha256Of(program), bytes: program.length }],
  });
  const signature = Buffer.from(signManifest(key, manifest)).toString('utf8');
  return {
    ...{ digest: sha256Of(manifest), program },
    body: { manifest: Buffer.from(manifest).toString('base64'), signature },
  };
};

const publish = async (controller: GetController, version: string): Promise<Release> => {
  const release = releaseOf(controller().publisher, version);
  const params = { digest: sha256Of(release.program) };
  await controller().call('putBlob', { params, body: release.program });
  await controller().call('addAgent', { body: release.body });
  return release;
};

const standing = async (controller: GetController, name: string) =>
  (await controller().call('agentDevices')).items.find(({ device }) => device === name);

const say = (device: TestDevice, agent: AgentReport): Promise<void> =>
  device.send('reported', { ...device.mark, desiredVersion: 1, lines: {}, problems: [], agent });

const registry = (controller: GetController): void => {
  it('takes a signed release whose files are here, and no other', async () => {
    const foreign = releaseOf(generateSigningKey(), '1.0.0');
    const call = (body: Release['body']) => controller().call('addAgent', { body });
    await expect(call(foreign.body)).rejects.toMatchObject({ code: 'SIGNATURE_KEY_FOREIGN' });
    const own = releaseOf(controller().publisher, '1.0.0');
    await expect(call({ ...own.body, signature: '' })).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
    await expect(call(own.body)).rejects.toMatchObject({ code: 'BUNDLE_FILE_MISSING' });
    const { digest } = await publish(controller, '1.0.0');
    await publish(controller, '1.0.0');
    const items = (await controller().call('agents')).items.filter((one) => one.digest === digest);
    expect(items).toMatchObject([{ version: '1.0.0', platforms: ['linux-x64'] }]);
    const target = { all: true as const };
    const unknown = { digest: 'e'.repeat(64) as Digest, target };
    await expect(controller().call('rollOutAgent', { body: unknown })).rejects.toMatchObject({
      code: 'AGENT_UNKNOWN',
    });
  });

  it('serves manifest, signature and program to devices', async () => {
    const { body, digest, program } = await publish(controller, '1.1.0');
    const device = await controller().device('reader');
    const read = async (name: string): Promise<string> => {
      const headers = { authorization: `Bearer ${device.bearer}` };
      return (await fetch(`${controller().url}${DEVICE_PATHS.blob}${name}`, { headers })).text();
    };
    expect(Buffer.from(await read(digest)).toString('base64')).toBe(body.manifest);
    expect(await read(`${digest}.sig`)).toBe(body.signature);
    expect(await read(sha256Of(program))).toBe(program.toString());
  });
};

const rollouts = (controller: GetController): void => {
  it('tell devices of a group which agent to be, again when it is rolled out again', async () => {
    const { digest } = await publish(controller, '2.0.0');
    const device = await controller().device('canary', { group: 'canaries' });
    const other = await controller().device('other', { group: 'others' });
    for (const one of [device, other]) {
      await one.connect();
      await one.birth();
    }
    const body = { digest, target: { group: 'canaries' as const } };
    const first = await controller().call('rollOutAgent', { body });
    await eventually(() =>
      expect(device.desired?.agent).toEqual({ digest, version: '2.0.0', order: first.order }),
    );
    const again = await controller().call('rollOutAgent', { body });
    await eventually(() => expect(device.desired?.agent?.order).toBe(again.order));
    expect(again.order).toBeGreaterThan(first.order);
    expect(other.desired?.agent).toBeUndefined();
    expect(await standing(controller, 'other')).toMatchObject({ desired: null, state: 'installed' });
  });

  it('show what each device says of its agent, and the timeline tells it', async () => {
    const { digest } = await publish(controller, '2.1.0');
    const device = await controller().device('teller', { group: 'tellers' });
    await device.connect();
    await device.birth();
    await controller().call('rollOutAgent', { body: { digest, target: { group: 'tellers' } } });
    const stateNow = async () => (await standing(controller, 'teller'))?.state;
    expect(await stateNow()).toBe('pending');
    await say(device, { version: '1.0.0', digest: null, step: 'fetching' });
    await eventually(async () => expect(await stateNow()).toBe('fetching'));
    await say(device, { version: '2.1.0', digest, step: 'probation' });
    await eventually(async () => expect(await stateNow()).toBe('probation'));
    const refused = { digest, code: 'AGENT_NO_CONTACT', message: 'it did not', at: 5 } as const;
    await say(device, { version: '1.0.0', digest: null, step: 'refused', refused });
    await eventually(async () => expect(await stateNow()).toBe('rolled-back'));
    await say(device, { version: '2.1.0', digest, step: 'settled' });
    await eventually(async () => expect(await stateNow()).toBe('running'));
    await eventually(async () => {
      const { items } = await controller().call('timeline', { query: { device: 'teller' } });
      const told = items
        .filter(({ kind }) => kind.startsWith('agent-'))
        .map(({ code, kind }) => [kind, code]);
      expect(told).toEqual([
        ['agent-running', null],
        ['agent-refused', 'AGENT_NO_CONTACT'],
      ]);
    });
  });
};

onEachDatabase('agents', [registry, rollouts]);
