/**
 * What Home Assistant is told of this device by MQTT discovery, as one payload for the whole device (its documentation of
 * "MQTT discovery", device discovery; Home Assistant 2024.11 or newer). Owns names of entities and topics. Pure.
 */
import type { LineId } from '@nanofleet/protocol';

/** A model line as entities see it. */
export interface LineShape {
  readonly line: LineId;
  readonly task: 'text-intent' | 'sensor-event';
  readonly version: string;
  /** Labels that decisions or events can have. */
  readonly labels: readonly string[];
}

/** What can be pressed. */
export type ButtonKind = 'new-window' | 'forget-examples';

/** Who the device is, and where its messages go. */
export interface DiscoveredDevice {
  readonly fleet: string;
  readonly device: string;
  readonly agentVersion: string;
  /** Begins each topic of messages. */
  readonly topicPrefix: string;
  /** Begins each topic of discovery. */
  readonly discoveryPrefix: string;
  readonly buttons: readonly ButtonKind[];
}

/** One entity, in the words of Home Assistant. */
export type Component = Readonly<Record<string, unknown>> & { readonly platform: string };

/** The topics of a device. */
export const topicsOf = ({ fleet, device, topicPrefix, discoveryPrefix }: DiscoveredDevice) => {
  const base = `${topicPrefix}/${device}`;
  return {
    config: `${discoveryPrefix}/device/nanofleet-${fleet}-${device}/config`,
    /** Home Assistant says here that it has started. */
    status: `${discoveryPrefix}/status`,
    availability: `${base}/availability`,
    state: (line: string) => `${base}/${line}/state`,
    event: (line: string) => `${base}/${line}/event`,
    press: (button: ButtonKind, line: string | null) =>
      line === null ? `${base}/press/${button}` : `${base}/${line}/press/${button}`,
  };
};

/** The type of an event entity's event: a label, and for sensor lines its phase. */
export const eventTypeOf = (label: string, phase: 'start' | 'stop' | null): string =>
  phase === null ? label : `${label} ${phase}`;

const stateful = (device: DiscoveredDevice, { line, task, labels }: LineShape): Record<string, Component> => {
  const topics = topicsOf(device);
  const state = { state_topic: topics.state(line) };
  const isText = task === 'text-intent';
  const types = isText
    ? labels.map((label) => eventTypeOf(label, null))
    : labels.flatMap((label) => [eventTypeOf(label, 'start'), eventTypeOf(label, 'stop')]);
  return {
    label: {
      ...{ platform: 'sensor', name: isText ? `${line} intent` : `${line} last event`, ...state },
      value_template: '{{ value_json.label }}',
    },
    confidence: {
      ...{ platform: 'sensor', name: `${line} confidence`, ...state },
      value_template: '{{ (value_json.confidence * 100) | round(1) }}',
      ...{ unit_of_measurement: '%', state_class: 'measurement' },
    },
    event: {
      ...{ platform: 'event', name: `${line} event`, state_topic: topics.event(line) },
      event_types: types,
    },
    ...(isText
      ? {}
      : {
          active: {
            ...{ platform: 'binary_sensor', name: `${line} event under way`, ...state },
            value_template: "{{ 'ON' if value_json.active else 'OFF' }}",
          },
        }),
  };
};

const buttonsOf = (device: DiscoveredDevice, { line, task }: LineShape): Record<string, Component> => {
  if (task !== 'sensor-event' || !device.buttons.includes('new-window')) return {};
  const command = topicsOf(device).press('new-window', line);
  return { 'new-window': { platform: 'button', name: `${line} begin a new window`, command_topic: command } };
};

/** The entities of a device by an id of their own; each has a unique id, which Home Assistant keeps them by. */
export const componentsOf = (
  device: DiscoveredDevice,
  lines: readonly LineShape[],
): Record<string, Component> => {
  const ofLines = lines.flatMap((shape) =>
    Object.entries({ ...stateful(device, shape), ...buttonsOf(device, shape) }).map(
      ([kind, component]) => [`${shape.line}_${kind}`, component] as const,
    ),
  );
  const forget = {
    ...{ platform: 'button', name: 'Forget examples', entity_category: 'config' },
    command_topic: topicsOf(device).press('forget-examples', null),
  };
  const ofDevice = device.buttons.includes('forget-examples') ? [['forget-examples', forget] as const] : [];
  return Object.fromEntries(
    [...ofLines, ...ofDevice].map(([id, component]) => [
      id,
      { ...component, unique_id: `nanofleet_${device.fleet}_${device.device}_${id}` },
    ]),
  );
};

/**
 * The payload of discovery.
 * @param gone platforms of entities that were there before, by their ids: so they are taken away
 */
export const discoveryOf = (
  device: DiscoveredDevice,
  components: Record<string, Component>,
  gone: ReadonlyMap<string, string>,
): Record<string, unknown> => ({
  device: {
    identifiers: [`nanofleet_${device.fleet}_${device.device}`],
    name: device.device,
    manufacturer: 'nanofleet',
    model: 'nanofleet agent',
    sw_version: device.agentVersion,
  },
  origin: { name: 'nanofleet', sw_version: device.agentVersion },
  components: {
    ...components,
    ...Object.fromEntries([...gone].map(([id, platform]) => [id, { platform }])),
  },
  availability_topic: topicsOf(device).availability,
  qos: 1,
});
