import { afterEach, describe, expect, it } from 'vitest';
import { decision, endSinks, event, startSinks, TEXT } from './test-sinks.ts';

afterEach(endSinks);

const CONFIG = 'homeassistant/device/nanofleet-homes-home-1/config';
const house = (more = '') => {
  const started = startSinks(`  house: { kind: home-assistant, url: mqtt://127.0.0.1${more} }\n`);
  const { broker } = started;
  const texts = (topic: string) =>
    broker.seen.filter((seen) => seen.topic === topic).map(({ payload }) => Buffer.from(payload).toString());
  const kept = (topic: string) => Buffer.from(broker.retained.get(topic) ?? []).toString();
  const discovery = () =>
    JSON.parse(kept(CONFIG)) as Record<string, unknown> & {
      components: Record<string, Record<string, unknown>>;
    };
  const isOpen = () => expect(started.sinks.reports()['house']?.state).toBe('open');
  return { ...started, texts, kept, discovery, isOpen };
};

describe('Home Assistant', () => {
  it('is told of one device with sensors and events of each line, and that it is there', async () => {
    const { until, isOpen, discovery, kept } = house();
    await until(isOpen);
    expect(discovery()).toMatchObject({
      device: { identifiers: ['nanofleet_homes_home-1'], name: 'home-1', sw_version: '0.1.0' },
      origin: { name: 'nanofleet', sw_version: '0.1.0' },
      availability_topic: 'nanofleet/home-1/availability',
    });
    const { components } = discovery();
    expect(Object.entries(components).map(([id, { platform }]) => `${id}: ${String(platform)}`)).toEqual([
      'intent_label: sensor',
      'intent_confidence: sensor',
      'intent_event: event',
      'vibration_label: sensor',
      'vibration_confidence: sensor',
      'vibration_event: event',
      'vibration_active: binary_sensor',
      'vibration_new-window: button',
    ]);
    expect(components['intent_event']?.['event_types']).toEqual(['HassTurnOn', 'weather']);
    expect(components['vibration_event']?.['event_types']).toEqual([
      'bearing-fault start',
      'bearing-fault stop',
    ]);
    const ids = Object.values(components).map((component) => component['unique_id']);
    expect(new Set(ids).size).toBe(8);
    expect(ids[0]).toBe('nanofleet_homes_home-1_intent_label');
    expect(kept('nanofleet/home-1/availability')).toBe('online');
  });

  it('sees states and events, of what was said nothing unless it is told so', async () => {
    const { sinks, until, texts } = house();
    sinks.decided(decision(), TEXT);
    await until(() => expect(texts('nanofleet/home-1/intent/event')).toHaveLength(1));
    const [state] = texts('nanofleet/home-1/intent/state').map((text): unknown => JSON.parse(text));
    expect(state).toMatchObject({ label: 'HassTurnOn', confidence: 0.98 });
    const [told] = texts('nanofleet/home-1/intent/event');
    expect(JSON.parse(told ?? '')).toMatchObject({ event_type: 'HassTurnOn' });
    expect(told).not.toMatch(/Kitchen|lamp/);
    const open = house(', slots: true');
    open.sinks.decided(decision(), TEXT);
    await open.until(() =>
      expect(open.texts('nanofleet/home-1/intent/event')[0]).toMatch(/"area":"Kitchen"/),
    );
  });

  it('sees that an event is under way until its end', async () => {
    const { sinks, until, texts } = house();
    const states = () => texts('nanofleet/home-1/vibration/state').map((text): unknown => JSON.parse(text));
    sinks.sensed(event('start'));
    await until(() => expect(states()).toMatchObject([{ label: 'bearing-fault', active: true }]));
    sinks.sensed(event('stop', { confidence: 0 }));
    await until(() => expect(states()).toMatchObject([{}, { active: false }]));
    const types = texts('nanofleet/home-1/vibration/event').map(
      (text) => (JSON.parse(text) as { event_type: string }).event_type,
    );
    expect(types).toEqual(['bearing-fault start', 'bearing-fault stop']);
  });

  it('is told all again when it has started, with the last states, but no event twice', async () => {
    const { broker, sinks, until, texts, isOpen } = house();
    await until(isOpen);
    sinks.decided(decision(), TEXT);
    await until(() => expect(texts('nanofleet/home-1/intent/event')).toHaveLength(1));
    broker.publish('homeassistant/status', Buffer.from('offline'));
    broker.publish('homeassistant/status', Buffer.from('online'));
    await until(() => expect(texts('nanofleet/home-1/intent/state')).toHaveLength(2));
    expect(texts(CONFIG)).toHaveLength(2);
    expect(texts('nanofleet/home-1/intent/event')).toHaveLength(1);
  });

  it('is told that the device is gone, by itself or by the broker', async () => {
    const { sinks, until, isOpen, kept, broker } = house();
    await until(isOpen);
    await sinks.close();
    expect(kept('nanofleet/home-1/availability')).toBe('offline');
    const lost = house();
    await lost.until(lost.isOpen);
    // Another connection of the same name is what a broker ends a lost one by.
    lost.broker.transport.connect(
      {
        url: 'mqtt://x',
        clientId: 'nanofleet-home-1-sink.house',
        password: '',
        keepaliveS: 0,
        connectTimeoutMs: 1,
      },
      { opened: () => undefined, received: () => undefined, closed: () => undefined },
    );
    await lost.until(() => expect(lost.kept('nanofleet/home-1/availability')).toBe('offline'));
    expect(broker.connected).toEqual([]);
  });

  it('loses the entities of a line that is gone', async () => {
    const { sinks, until, isOpen, discovery, lines } = house();
    await until(isOpen);
    lines.pop();
    sinks.linesChanged();
    await until(() => expect(discovery().components['vibration_label']).toEqual({ platform: 'sensor' }));
    expect(discovery().components['intent_label']).toHaveProperty('unique_id');
  });

  it('can press what agent.yaml lists, at most once a second, and nothing that the broker kept', async () => {
    const { broker, until, isOpen, pressed, clock } = house(', buttons: [new-window, forget-examples]');
    await until(isOpen);
    const press = (topic: string, text = 'PRESS'): void =>
      broker.publish(`nanofleet/home-1/${topic}`, Buffer.from(text));
    press('vibration/press/new-window');
    press('vibration/press/new-window');
    press('intent/press/new-window');
    press('press/forget-examples', 'no');
    press('press/forget-examples');
    await until(() => expect(pressed).toEqual(['vibration', 'forget']));
    clock.advance(1_000);
    press('vibration/press/new-window');
    await until(() => expect(pressed).toEqual(['vibration', 'forget', 'vibration']));
    const shy = house(', buttons: []');
    shy.broker.publish('nanofleet/home-1/vibration/press/new-window', Buffer.from('PRESS'), {
      isRetained: true,
    });
    await shy.until(shy.isOpen);
    expect(shy.pressed).toEqual([]);
    expect(Object.keys(shy.discovery().components)).not.toContain('vibration_new-window');
  });
});
