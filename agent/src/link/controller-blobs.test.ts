// Behaviour of a device that fetches blobs: over HTTP, over MQTT while that does not get through, at its own moment, and no faster than
// was agreed.
import { BLOB_ASK_MS, BLOB_HTTP_REST_MS, encodeBlobPiece, NanofleetError } from '@nanofleet/protocol';
import { linkUnavailable, silentLog } from '@nanofleet/runtime/ports';
import { ManualClock, makeSeededRandom } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import type { BlobSource } from '../ports/blob-source.ts';
import { AskedBlobs, type AskedBlobsOptions } from './asked-blobs.ts';
import { ControllerBlobs, paceOf, type TransferPace } from './controller-blobs.ts';

const RANGE = { from: 0, length: 1_000 };
const PIECE = { bytes: new Uint8Array(1_000), totalBytes: 5_000 };
const AT_ONCE: TransferPace = { spreadMs: 0, bytesPerSecond: null };
const unreachable = new NanofleetError('CONTROLLER_UNREACHABLE', 'the controller does not answer');
const missing = new NanofleetError('BUNDLE_FILE_MISSING', 'the controller has no blob x');

/** A way to the controller that gives a piece, or fails as long as it is told to. */
const way = () => {
  const calls: number[] = [];
  const state: { calls: number[]; failure: NanofleetError | null; source: BlobSource } = {
    calls,
    failure: null,
    source: {
      fetch: () => {
        calls.push(1);
        return state.failure === null ? Promise.resolve(PIECE) : Promise.reject(state.failure);
      },
    },
  };
  return state;
};

const setUp = (pace: TransferPace = AT_ONCE) => {
  const clock = new ManualClock();
  const [http, mqtt] = [way(), way()];
  const blobs = new ControllerBlobs({
    clock,
    random: makeSeededRandom(3),
    log: silentLog,
    http: http.source,
    mqtt: mqtt.source,
    pace: () => pace,
  });
  return { blobs, clock, http, mqtt };
};

describe('blobs of the controller', () => {
  it('come over HTTP, and nothing else is asked', async () => {
    const { blobs, http, mqtt } = setUp();
    expect(await blobs.fetch('x', RANGE)).toBe(PIECE);
    expect([http.calls.length, mqtt.calls.length]).toEqual([1, 0]);
  });

  it('come over MQTT while HTTP does not get through, which is tried again after a rest', async () => {
    const { blobs, clock, http, mqtt } = setUp();
    http.failure = unreachable;
    await blobs.fetch('x', RANGE);
    await blobs.fetch('x', RANGE);
    expect([http.calls.length, mqtt.calls.length]).toEqual([1, 2]);
    http.failure = null;
    clock.advance(BLOB_HTTP_REST_MS);
    await blobs.fetch('x', RANGE);
    expect([http.calls.length, mqtt.calls.length]).toEqual([2, 2]);
  });

  it('are not looked for over MQTT when the controller has answered', async () => {
    const { blobs, http, mqtt } = setUp();
    http.failure = missing;
    await expect(blobs.fetch('x', RANGE)).rejects.toBe(missing);
    expect(mqtt.calls).toEqual([]);
  });

  it('that neither way brings are missed over HTTP, unless the controller has answered over MQTT', async () => {
    const { blobs, http, mqtt } = setUp();
    http.failure = unreachable;
    mqtt.failure = linkUnavailable('it is not open');
    await expect(blobs.fetch('x', RANGE)).rejects.toBe(unreachable);
    mqtt.failure = missing;
    await expect(blobs.fetch('x', RANGE)).rejects.toBe(missing);
  });

  it('are asked for over HTTP again as soon as MQTT fails', async () => {
    const { blobs, http, mqtt } = setUp();
    http.failure = unreachable;
    await blobs.fetch('x', RANGE);
    mqtt.failure = linkUnavailable('gone');
    await expect(blobs.fetch('x', RANGE)).rejects.toBe(mqtt.failure);
    http.failure = null;
    await blobs.fetch('x', RANGE);
    expect(http.calls).toHaveLength(2);
  });

  it('come no faster than agreed, whoever asks', async () => {
    const { blobs, clock, http } = setUp({ spreadMs: 0, bytesPerSecond: 2_000 });
    const all = Promise.all([1, 2, 3].map(() => blobs.fetch('x', RANGE)));
    const arrivedAfter = async (milliseconds: number): Promise<number> => {
      clock.advance(milliseconds);
      await new Promise(setImmediate);
      return http.calls.length;
    };
    expect(await arrivedAfter(0)).toBe(1);
    expect(await arrivedAfter(499)).toBe(1);
    expect(await arrivedAfter(1)).toBe(2);
    expect(await arrivedAfter(500)).toBe(3);
    await all;
  });

  it('begin at a moment within the spread, or not at all once nobody wants them', async () => {
    const { blobs, clock } = setUp({ spreadMs: 60_000, bytesPerSecond: null });
    let hasBegun = false;
    const begun = blobs.begin(new AbortController().signal).then(() => {
      hasBegun = true;
    });
    await new Promise(setImmediate);
    expect(hasBegun).toBe(false);
    clock.advance(60_000);
    await begun;
    const abort = new AbortController();
    const given = blobs.begin(abort.signal);
    abort.abort();
    await expect(given).rejects.toBeDefined();
  });
});

it('the slower of the paces counts that a device and its group state', () => {
  expect(paceOf({}, null)).toEqual(AT_ONCE);
  const transfer = { spreadMs: 9, bytesPerSecond: 5_000 };
  expect(paceOf({}, { transfer })).toEqual(transfer);
  expect(paceOf({ fetchBytesPerSecond: 2_000 }, { transfer })).toEqual({
    ...transfer,
    bytesPerSecond: 2_000,
  });
});

describe('blobs that are asked for over MQTT', () => {
  const asking = (ask: AskedBlobsOptions['ask']) => {
    const clock = new ManualClock();
    return { clock, blobs: new AskedBlobs({ clock, random: makeSeededRandom(5), ask }) };
  };

  it('come as the frame that answers, and a frame of nobody changes nothing', async () => {
    const made = asking(({ transfer }) => {
      const frame = { kind: 'blob', index: 0, isLast: true } as const;
      const payload = encodeBlobPiece({ bytes: Uint8Array.of(1, 2), totalBytes: 9 });
      made.blobs.take({ ...frame, correlation: transfer, payload });
      made.blobs.take({ ...frame, correlation: transfer, payload: encodeBlobPiece(PIECE) });
      return Promise.resolve();
    });
    expect(await made.blobs.fetch('x', RANGE)).toEqual({ bytes: Uint8Array.of(1, 2), totalBytes: 9 });
    expect(made.clock.waiting).toBe(0);
  });

  it('are refused as the controller says', async () => {
    const made = asking(({ transfer }) => {
      made.blobs.refused({ transfer, code: 'NOT_FOUND', message: 'no bundle has it' });
      return Promise.resolve();
    });
    await expect(made.blobs.fetch('x', RANGE)).rejects.toMatchObject({ code: 'BUNDLE_FILE_MISSING' });
  });

  it('are given up when no answer comes, and at once without a connection', async () => {
    const { blobs, clock } = asking(() => Promise.resolve());
    const silent = blobs.fetch('x', RANGE);
    clock.advance(BLOB_ASK_MS);
    await expect(silent).rejects.toMatchObject({ code: 'CONTROLLER_UNREACHABLE' });
    const cut = asking(() => Promise.reject(linkUnavailable('it is not open')));
    await expect(cut.blobs.fetch('x', RANGE)).rejects.toMatchObject({ code: 'LINK_UNAVAILABLE' });
    expect(cut.clock.waiting).toBe(0);
  });
});
