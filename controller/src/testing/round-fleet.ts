/**
 * A line with a bundle, examples and devices that run it, as rounds need them. The devices are played: they answer plans
 * as a test says. Only tests import this.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  type Example,
  encodeUpdate,
  type LineId,
  type RoundPlan,
  type Update,
  type Uuid,
} from '@nanofleet/protocol';
import { elementsOfRound } from '@nanofleet/runtime';
import { eventually } from '@nanofleet/runtime/testing';
import { publishBundle, type TestBundle } from './test-bundle.ts';
import type { TestController } from './test-controller.ts';
import type { TestDevice } from './test-device.ts';

const LINE = 'intent' as LineId;
/** Texts that somebody may say; what they mean plays no part here. */
const SCRIPT = fileURLToPath(new URL('../../../start/story/utterances.jsonl', import.meta.url));

/** Examples of two labels of the committed bundle and some out of scope; the labels are arbitrary. */
const someExamples = async (): Promise<Example[]> => {
  const lines = (await readFile(SCRIPT, 'utf8')).split('\n').filter((line) => line !== '');
  const spoken = lines.map((line) => JSON.parse(line) as { text: string });
  const texts = [...new Set(spoken.map(({ text }) => text))].slice(0, 40);
  return texts.map((text, at) => ({
    text,
    intent: at % 4 === 3 ? 'oos' : at % 2 === 0 ? 'weather' : 'timer',
  }));
};

/** A bundle that is rolled out, examples, and connected devices that report to run it. */
export class RoundFleet {
  readonly controller: TestController;
  readonly bundle: TestBundle;
  readonly devices: TestDevice[];

  private constructor(controller: TestController, bundle: TestBundle, devices: TestDevice[]) {
    this.controller = controller;
    this.bundle = bundle;
    this.devices = devices;
  }

  /** Makes one; `group` keeps fleets of one controller apart. */
  static async of(controller: TestController, given: { group: string; devices: number; version: string }) {
    const { group, version } = given;
    const bundle = await publishBundle(controller, { version, releaseCounter: 1 });
    const body = { digest: bundle.digest, target: { group } };
    await controller.call('makeRollout', { body });
    await controller.call('putExamples', {
      params: { line: LINE },
      body: { examples: await someExamples() },
    });
    const devices: TestDevice[] = [];
    for (let at = 0; at < given.devices; at += 1) {
      devices.push(await controller.device(`${group}-${at}`, { group }));
    }
    const fleet = new RoundFleet(controller, bundle, devices);
    await fleet.connect();
    return fleet;
  }

  /** Connects all devices and lets them report what they run. */
  async connect(): Promise<void> {
    for (const device of this.devices) await this.report(device);
    await eventually(async () => {
      const { items } = await this.controller.call('devices');
      const ours = items.filter(({ device }) => this.devices.some(({ name }) => name === device));
      if (!ours.every(({ lines, status }) => status === 'online' && lines[LINE]?.running)) {
        throw new TypeError('not all devices have reported');
      }
    });
  }

  /** Connects one device and lets it report. */
  async report(device: TestDevice): Promise<void> {
    const { manifest, digest } = this.bundle;
    const running = { version: manifest.version, releaseCounter: manifest.releaseCounter, digest };
    await device.connect({ brokerUrl: this.controller.brokerUrl });
    await device.birth();
    await device.send('reported', {
      ...device.mark,
      desiredVersion: 0,
      lines: { [LINE]: { running, step: 'settled' } },
      problems: [],
    });
  }

  /** Starts a round of this fleet's group. */
  async start(settings: Record<string, number> = {}): Promise<Uuid> {
    const group = this.devices[0]?.enrolment.group ?? null;
    const body = { line: LINE, settings: { group, updatesMin: 2, ...settings } };
    return (await this.controller.call('startRound', { body })).id;
  }

  /** Waits until a device has the plan of a round. */
  async planFor(device: TestDevice, round: Uuid) {
    return eventually(() => {
      if (device.plan?.round !== round) throw new TypeError('no plan yet');
      return device.plan.body;
    });
  }

  /** An update that fits a plan, with all codes `code`. */
  update(code: number, { labels }: Pick<RoundPlan, 'labels'>, given: Partial<Update> = {}): Uint8Array {
    const { manifest } = this.bundle;
    const [width = 0, classes = 0] = manifest.trainable[0]?.shape ?? [];
    const { added, version } = labels;
    const elements = elementsOfRound({ width, classes: classes + added.length }, added.length);
    return encodeUpdate({
      base: this.bundle.digest,
      labelsVersion: version,
      examples: 10,
      tensors: elements.map((count) => ({ scale: 1e-5, codes: new Int8Array(count).fill(code) })),
      ...given,
    });
  }

  /** The round, once it has one of the statuses. */
  async until(id: Uuid, ...statuses: string[]) {
    return eventually(async () => {
      const round = await this.controller.call('round', { params: { id } });
      if (!statuses.includes(round.status)) throw new TypeError(`the round is ${round.status}`);
      return round;
    });
  }
}
