// A controller with everything that pages show: devices in every state, beats, decisions, a lineage, rollouts that went
// well and badly, a round with its candidate, calls of a provider. All of it came over the real ways.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { systemClock, systemRandom } from '@nanofleet/controller';
import { publishBundle, RoundFleet, TestController, type TestDevice } from '@nanofleet/controller/testing';
import { type BodyOf, BrokenInvariant, makeUuid, type Uuid } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { settingsFor } from '../../provider/parts/questions.ts';
import { TestProvider } from '../../provider/server.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url)).replace(/test\/dist\/$/, '');
const EPOCH = '0123456789abcdef';
const LABELS = ['lights_on', 'weather', 'timer', 'play_music'];
const none = { records: 0, dropped: 0, expired: 0 };

/** What the pages are about. */
export interface PopulatedFleet {
  readonly controller: TestController;
  readonly devices: readonly TestDevice[];
  /** The bundle that runs, and the one that came after it. */
  readonly digests: { readonly old: string; readonly young: string };
  readonly round: Uuid;
  readonly rollout: Uuid;
  close(): Promise<void>;
}

/** Builds the dashboard if it is stale. */
export const builtSite = (): string => {
  const { status } = spawnSync(process.execPath, [`${ROOT}scripts/build-dashboard.mjs`], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new BrokenInvariant('the dashboard can be built');
  return `${ROOT}dashboard/dist/site`;
};

/** A beat after some decisions. */
export const beatOf = (device: TestDevice, total: number): BodyOf<'beat'> => ({
  ...device.mark,
  uptimeS: total,
  cpuShare: 0.02,
  rssBytes: 71_000_000,
  decisions: { total, sure: total, unsure: 0, outOfScope: 0 },
  decisionMicros: { p50: 120, p95: 310, p99: 900 },
  offloadShare: 0.08,
  outbox: { offload: none, event: none, decision: none },
  lines: {},
  problems: [],
});

/** A decision of a device as it reaches the controller. */
export const decide = (
  device: TestDevice,
  sequence: number,
  label = LABELS[sequence % LABELS.length],
): Promise<void> => {
  const body = {
    type: 'decision',
    decision: makeUuid(systemClock.unixMs(), systemRandom.bytes(10)),
    line: 'intent',
    version: '1.0.0',
    tier: 'nano',
    micros: 140,
    label,
    confidence: 0.93,
    outOfScope: 0.02,
    verdict: 'sure',
  };
  return device.send('event', body as BodyOf<'event'>, { record: { epoch: EPOCH, sequence } });
};

const askCloud = async (device: TestDevice, text: string, sequence: number): Promise<void> => {
  const decision = makeUuid(systemClock.unixMs(), systemRandom.bytes(10));
  const local = { label: 'x', confidence: 0.2, outOfScope: 0.5, verdict: 'unsure' };
  const body = { decision, line: 'intent', version: '1.0.0', text, redacted: { email: 1 }, local };
  const options = { record: { epoch: EPOCH, sequence }, remainingMs: 60_000, correlation: decision };
  await device.send('offload/req', body as BodyOf<'offload/req'>, options);
  await eventually(() => {
    if (!device.answers.some((answer) => answer.decision === decision)) throw new TypeError('no answer yet');
  });
};

/** A whole round; its devices send updates that change next to nothing. */
const playRound = async (fleet: RoundFleet): Promise<Uuid> => {
  const round = await fleet.start();
  for (const [at, device] of fleet.devices.entries()) {
    const plan = await fleet.planFor(device, round);
    await device.sendRound(round, 'accept', { examples: 12 });
    await device.sendUpdate(round, fleet.update(at + 1, plan));
  }
  await fleet.until(round, 'candidate');
  return round;
};

const refuse = async (device: TestDevice, digest: string): Promise<void> => {
  const running = { version: '1.0.0', releaseCounter: 1, digest: 'c'.repeat(64) };
  const refused = { digest, code: 'SIGNATURE_WRONG', message: 'The signature does not fit.', at: 1 };
  const lines = { intent: { running, step: 'refused', refused } };
  const body = { ...device.mark, desiredVersion: 1, lines, problems: [] };
  await device.send('reported', body);
};

const fetching = async (device: TestDevice): Promise<void> => {
  const progress = { bytesDone: 400_000, bytesTotal: 1_200_000 };
  const lines = { intent: { running: null, step: 'fetching', progress } };
  const body = { ...device.mark, desiredVersion: 1, lines, problems: [] };
  await device.send('reported', body);
};

/** Devices that are not well: gone, never seen, revoked, one that refused, one that fetches. */
const othersOf = async (controller: TestController, digest: string): Promise<TestDevice[]> => {
  const [gone, stubborn, slow] = await Promise.all(
    ['gone', 'stubborn', 'slow'].map((name) => controller.device(name, { group: 'attic' })),
  );
  await controller.device('unseen', { group: 'attic' });
  await controller.device('thief', { group: 'attic' });
  const made = [gone, stubborn, slow].filter((device) => device !== undefined);
  for (const device of made) {
    await device.connect({ brokerUrl: controller.brokerUrl });
    await device.birth();
  }
  if (stubborn !== undefined) await refuse(stubborn, digest);
  if (slow !== undefined) await fetching(slow);
  await gone?.close('lost');
  await controller.call('revokeDevice', { params: { device: 'thief' } });
  return made;
};

/** Beats are written once a second; two of them make a curve. */
const beatAll = async (controller: TestController, devices: readonly TestDevice[]): Promise<void> => {
  for (const total of [40, 120, 180]) {
    for (const device of devices) await device.send('beat', beatOf(device, total));
    await eventually(async () => {
      for (const { name } of devices) {
        const { beat } = await controller.call('device', { params: { device: name } });
        if (beat?.decisions.total !== total) throw new TypeError('a beat is not stored yet');
      }
    });
    controller.advance(10_000);
  }
};

/** Makes all of it. */
export const populatedFleet = async (): Promise<PopulatedFleet> => {
  const provider = await TestProvider.start({ clock: systemClock });
  const settings = { provider: settingsFor(provider), siteDirectory: builtSite() };
  const controller = await TestController.start('embedded', {}, settings);
  const fleet = await RoundFleet.of(controller, { group: 'homes', devices: 3, version: '1.0.0' });
  const { digest: old } = fleet.bundle;
  await controller.call('makeRollout', { body: { digest: old, target: { controller: true } } });
  await controller.call('setPolicy', { params: { group: 'homes' }, body: { offload: 'cloud' } });
  const { digest: young } = await publishBundle(controller, {
    version: '1.1.0',
    releaseCounter: 2,
    parent: old,
  });
  const body = { digest: young, target: { group: 'attic' } };
  const { id: rollout } = await controller.call('makeRollout', { body });
  await othersOf(controller, young);
  const [asker] = fleet.devices;
  if (asker !== undefined) await askCloud(asker, 'kindly repaint fence number 7', 1_000);
  for (const [at, device] of fleet.devices.entries()) {
    for (let count = 0; count < 5; count += 1) await decide(device, at * 10 + count);
  }
  const round = await playRound(fleet);
  await beatAll(controller, fleet.devices);
  const close = async (): Promise<void> => {
    await controller.close();
    await provider.close();
  };
  return { controller, devices: fleet.devices, digests: { old, young }, round, rollout, close };
};
