// The stream of changes: what it carries, that a reader goes on where it was, that it ends with the right to read.
import { LIVE_EVENTS, type LiveEvent, STREAM_HEARTBEAT_MS } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../ports/clock.ts';
import { signIn } from '../testing/browser-session.ts';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import { decisionMade } from '../testing/test-device.ts';
import { changedParts, frameOf, type Marks, placeOf } from './live.plan.ts';

const SOON_MS = 100;

interface Heard {
  readonly id: string;
  readonly name: string;
  readonly value: unknown;
}

/** A reader of the stream. */
class Reader {
  readonly heard: Heard[] = [];
  text = '';
  isOver = false;
  readonly #ended = new AbortController();

  static async open(url: string, headers: Record<string, string>): Promise<Reader> {
    const reader = new Reader();
    const response = await fetch(`${url}/api/live`, { headers, signal: reader.#ended.signal });
    expect(response.status).toBe(200);
    void reader.#read(response).catch(() => undefined);
    return reader;
  }

  close(): void {
    this.#ended.abort();
  }

  named(name: LiveEvent): Heard[] {
    return this.heard.filter((event) => event.name === name);
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) {
        this.text += decoder.decode(chunk as Uint8Array, { stream: true });
        this.#parse();
      }
    } finally {
      this.isOver = true;
    }
  }

  #parse(): void {
    this.heard.length = 0;
    for (const block of this.text.split('\n\n')) {
      const match = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block);
      if (match === null) continue;
      const [, id = '', name = '', data = ''] = match;
      const value = LIVE_EVENTS[name as LiveEvent].parse(JSON.parse(data));
      this.heard.push({ id, name, value });
    }
  }
}

const admin = (controller: GetController) => ({ authorization: `Bearer ${controller().adminToken}` });

const following = (controller: GetController): void => {
  it('tells figures at once, then what happens: a device, its decisions, what to ask for again', async () => {
    const reader = await Reader.open(controller().url, admin(controller));
    await eventually(() => expect(reader.named('fleet').length).toBeGreaterThan(0));
    const device = await controller().device('seen');
    await device.connect();
    await device.birth();
    const record = { epoch: 'a'.repeat(16), sequence: 1 };
    await device.send('event', decisionMade('lights_off'), { record });
    await eventually(() => {
      expect(JSON.stringify(reader.named('timeline'))).toContain('device-online');
      expect(JSON.stringify(reader.named('decisions'))).toContain('lights_off');
      expect(JSON.stringify(reader.named('changed'))).toContain('devices');
    });
    reader.close();
  });

  it('a reader that comes back is told what it missed, once', async () => {
    const first = await Reader.open(controller().url, admin(controller));
    await eventually(() => expect(first.heard.length).toBeGreaterThan(0));
    const { id = '' } = first.heard.at(-1) ?? {};
    first.close();
    await controller().call('setPolicy', { params: { group: 'homes' }, body: { offload: 'none' } });
    await eventually(async () => {
      const { items } = await controller().call('timeline', { query: { kind: 'policy-set' } });
      expect(items.length).toBe(1);
    });
    const again = await Reader.open(controller().url, { ...admin(controller), 'last-event-id': id });
    await eventually(() => expect(again.named('timeline').length).toBe(1));
    expect(JSON.stringify(again.named('timeline'))).toContain('policy-set');
    again.close();
  });

  it('ends with the session of its reader', async () => {
    const { cookie } = await signIn(controller().url, { token: controller().adminToken });
    const reader = await Reader.open(controller().url, { cookie });
    await eventually(() => expect(reader.heard.length).toBeGreaterThan(0));
    await fetch(`${controller().url}/api/session`, {
      method: 'DELETE',
      headers: { cookie, 'x-nanofleet-page': '1' },
    });
    await eventually(() => expect(reader.isOver).toBe(true));
  });

  it('ends when the controller stops', async () => {
    const reader = await Reader.open(controller().url, admin(controller));
    await controller().halt();
    await eventually(() => expect(reader.isOver).toBe(true));
    await controller().run();
  });
};

/** Signs of life come sooner: a test need not wait for what a browser waits for. */
const clock: typeof systemClock = {
  ...systemClock,
  after: (milliseconds, run) =>
    systemClock.after(milliseconds === STREAM_HEARTBEAT_MS ? SOON_MS : milliseconds, run),
};

onEachDatabase('the stream of changes', [following], { clock });

describe('what a stream is made of', () => {
  const marks: Marks = {
    devices: '1',
    beats: '1',
    models: '1',
    rollouts: '1',
    rounds: '1',
    offloads: '1',
    spend: '1',
    groups: '1',
  };

  it('parts that differ are named', () => {
    expect(changedParts(marks, marks)).toEqual([]);
    expect(changedParts(marks, { ...marks, models: '2', spend: '2' })).toEqual(['models', 'spend']);
  });

  it('an event carries the place after it, and a place is read back', () => {
    const frame = frameOf({ name: 'changed', value: ['models'], place: { timeline: 3, event: 12 } });
    expect(frame).toBe('id: 3-12\nevent: changed\ndata: ["models"]\n\n');
    expect(placeOf('3-12')).toEqual({ timeline: 3, event: 12 });
    for (const wrong of [undefined, '', '3', 'x-1', '3-12-1', `${'9'.repeat(20)}-1`]) {
      expect(placeOf(wrong)).toBeNull();
    }
  });
});
