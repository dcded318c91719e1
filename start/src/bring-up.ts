/**
 * The order in which a fleet comes up: links, publisher's key, controller, and the first device as early as can be; then
 * the others while the bundles are pushed. What an earlier start has made is kept.
 */
import { DEVICES, type Fleet } from './fleet.ts';
import type { Layout } from './layout.ts';
import type { LinkProxy } from './link-proxy.ts';
import { DEFAULT_PORTS, type Options } from './options.ts';
import { openLink } from './ports.ts';
import type { Screen } from './screen.ts';
import {
  beginMetadata,
  enrol,
  isEnrolled,
  makeFleetTokens,
  prepareBundles,
  preparePublisher,
  pushBundles,
  readPorts,
  startAgent,
  startController,
  writePorts,
} from './setup.ts';
import { lookUntil } from './story/step.ts';
import type { World } from './world.ts';

const SETTLED_WITHIN_MS = 60_000;

/** Opens the links for HTTP and MQTT, and says when they are not where they are expected. */
export async function openLinks(
  screen: Screen,
  layout: Layout,
  options: Options,
): Promise<{ web: LinkProxy; link: LinkProxy }> {
  const wanted = (await readPorts(layout.settings)) ?? DEFAULT_PORTS;
  const http = await openLink({ name: '--port', explicit: options.httpPort, wanted: wanted.http });
  const mqtt = await openLink({ name: '--mqtt-port', explicit: options.mqttPort, wanted: wanted.mqtt }).catch(
    async (thrown: unknown) => {
      await http.link.close();
      throw thrown;
    },
  );
  const moves = [
    ...(http.moved ? [`${wanted.http} → ${http.link.port} (HTTP)`] : []),
    ...(mqtt.moved ? [`${wanted.mqtt} → ${mqtt.link.port} (MQTT)`] : []),
  ];
  if (moves.length > 0) screen.line(`   taken ports, so moved on: ${moves.join(', ')}`);
  await writePorts(layout.settings, { http: http.link.port, mqtt: mqtt.link.port });
  return { web: http.link, link: mqtt.link };
}

/** Brings up the first device; the returned function brings up the others and waits until all run what is desired. */
export async function bringUp(world: World, fleet: Fleet, screen: Screen): Promise<() => Promise<void>> {
  screen.working('the publisher gets its key');
  await preparePublisher(fleet);
  screen.working('models are signed, the controller starts');
  const controller = startController(world, fleet);
  // It is awaited where its answer is needed; until then its failure waits, too.
  controller.catch(() => undefined);
  await prepareBundles(fleet);
  const isKnown = DEVICES.every(({ device }) => isEnrolled(fleet, device));
  if (!isKnown) {
    screen.working('the controller starts');
    await controller;
    // Before the tokens: they pin the root, so that no device ever goes by less.
    await beginMetadata(fleet);
  }
  const tokens = isKnown ? new Map<string, string>() : await makeFleetTokens(fleet);
  const bring = async ({ device, group }: (typeof DEVICES)[number]) => {
    if (!isEnrolled(fleet, device)) await enrol(world, fleet, device, tokens.get(group) ?? '');
    await startAgent(world, fleet, device);
  };
  const [first, ...rest] = DEVICES;
  screen.working(`${first.device} comes up`);
  await bring(first);
  return async () => {
    await controller;
    if (isKnown) await beginMetadata(fleet);
    await Promise.all([pushBundles(fleet), ...rest.map(bring)]);
    await settled(world, fleet);
  };
}

/** Waits until every device is connected and runs what is desired; the scenes see for themselves when it does not. */
async function settled(world: World, fleet: Fleet): Promise<void> {
  await lookUntil(world, {
    look: () => fleet.operator.call('devices'),
    until: ({ items }) =>
      items.length >= DEVICES.length &&
      items.every(
        ({ status, lines, desiredVersion, reportedVersion }) =>
          status === 'online' &&
          reportedVersion >= desiredVersion &&
          Object.values(lines).every(({ step }) => ['settled', 'probation', 'refused'].includes(step)),
      ),
    withinMs: SETTLED_WITHIN_MS,
    everyMs: 100,
  });
}
