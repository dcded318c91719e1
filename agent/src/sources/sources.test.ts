import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NanofleetError, type SamplesRequest } from '@nanofleet/protocol';
import { silentLog } from '@nanofleet/runtime/ports';
import { eventually, ManualClock, MemoryBroker, makeSeededRandom } from '@nanofleet/runtime/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { checkConfigText } from '../config/config-mistakes.ts';
import { fileDisk } from '../ports/file-disk.ts';
import { systemSourceFiles } from '../ports/system-source-files.ts';
import type { SourceLines } from './source-feed.ts';
import { Sources } from './sources.ts';

let directory = '';
let running: Sources[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nf-sources-'));
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((sources) => sources.close()));
  rmSync(directory, { recursive: true, force: true });
});

/** Sources of a text over lines that note what they get. */
const start = (text: string) => {
  const { config, mistakes } = checkConfigText(`version: 1\nsources:\n${text}`, yaml);
  if (config === null) throw new TypeError(JSON.stringify(mistakes));
  const broker = new MemoryBroker();
  const clock = new ManualClock();
  const texts: string[] = [];
  const pieces: SamplesRequest[] = [];
  const interrupted: string[] = [];
  const failing: (string | null)[] = [];
  let isModelThere = true;
  const lines = {
    decide: (said: string) => {
      if (!isModelThere) return Promise.reject(new NanofleetError('LINE_UNKNOWN', 'no line runs'));
      texts.push(said);
      return Promise.resolve(null as never);
    },
    samples: (request: SamplesRequest) => {
      pieces.push(request);
      return Promise.resolve({ accepted: request.samples.length, windows: 0, events: [] });
    },
    sensorShape: () => ({ line: 'motor', rateHz: 10, channels: ['x', 'y'] }) as never,
    interruptSamples: (line: string) => {
      interrupted.push(line);
      return Promise.resolve();
    },
  } satisfies SourceLines;
  const sources = new Sources({
    sources: config.sources,
    clock,
    random: makeSeededRandom(1),
    disk: fileDisk,
    log: silentLog,
    transport: broker.transport,
    files: systemSourceFiles,
    input: async function* input() {
      yield Buffer.from('one\ntw');
      yield Buffer.from('o\n');
    },
    directory: join(directory, 'state'),
    device: 'home-1',
    lines,
    failing: (error) => void failing.push(error === null ? null : error.message),
  });
  running.push(sources);
  sources.start();
  /** Lets time pass until something holds. */
  const until = (check: () => void) =>
    eventually(() => {
      clock.advance(250);
      check();
      return Promise.resolve();
    });
  const setModel = (isThere: boolean): void => {
    isModelThere = isThere;
  };
  return { sources, broker, clock, texts, pieces, interrupted, failing, until, setModel };
};

const tail = (path: string, from = 'start') =>
  `  log: { kind: file, file: ${path}, from: ${from}, text: whole }\n`;

describe('a file that is followed', () => {
  it('gives each line once: appended, rotated, cut', async () => {
    const path = join(directory, 'a.log');
    writeFileSync(path, 'one\ntwo\nthr');
    const { texts, until } = start(tail(path));
    await until(() => expect(texts).toEqual(['one', 'two']));
    appendFileSync(path, 'ee\n');
    await until(() => expect(texts).toEqual(['one', 'two', 'three']));
    renameSync(path, `${path}.1`);
    appendFileSync(`${path}.1`, 'four');
    writeFileSync(path, 'five\n');
    await until(() => expect(texts.slice(3)).toEqual(['four', 'five']));
    truncateSync(path, 0);
    await until(() => expect(texts).toHaveLength(5));
    appendFileSync(path, '6\n');
    await until(() => expect(texts.slice(5)).toEqual(['6']));
  });

  it('goes on after a restart where it was, in the renamed file first', async () => {
    const path = join(directory, 'a.log');
    writeFileSync(path, 'one\n');
    const first = start(tail(path));
    await first.until(() => expect(first.texts).toEqual(['one']));
    await first.sources.close();
    appendFileSync(path, 'two\n');
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'three\n');
    const second = start(tail(path));
    await second.until(() => expect(second.texts).toEqual(['two', 'three']));
  });

  it('begins at its end the first time, when that was asked for', async () => {
    const path = join(directory, 'a.log');
    writeFileSync(path, 'old\n');
    const { texts, sources, until } = start(tail(path, 'end'));
    await until(() => expect(sources.reports()['log']?.state).toBe('open'));
    appendFileSync(path, 'new\n');
    await until(() => expect(texts).toEqual(['new']));
  });

  it('loses no line while no model takes it, nor by an end of the agent then', async () => {
    const path = join(directory, 'a.log');
    writeFileSync(path, 'one\ntwo\n');
    const first = start(tail(path));
    first.setModel(false);
    await first.until(() => expect(first.sources.reports()['log']?.lastError).toMatch(/LINE_UNKNOWN/));
    await first.sources.close();
    const second = start(tail(path));
    await second.until(() => expect(second.texts).toEqual(['one', 'two']));
  });
});

describe('topics of a broker', () => {
  const source = '  hall: { kind: mqtt, url: mqtt://127.0.0.1, topic: hall/+, text: whole }\n';
  const say = (text: string): Buffer => Buffer.from(text);

  it('are read again when the broker comes back, and what it had kept is left out', async () => {
    const { broker, sources, texts, failing, until } = start(source);
    await until(() => expect(sources.reports()['hall']?.state).toBe('open'));
    broker.publish('hall/a', say('one'), { isRetained: true });
    await until(() => expect(texts).toEqual(['one']));
    broker.crash();
    await until(() => expect(failing.at(-1)).toMatch(/source hall: .*the broker is gone/));
    broker.isUp = true;
    await until(() => expect(sources.reports()['hall']?.state).toBe('open'));
    broker.publish('hall/b', say('two'));
    await until(() => expect(texts).toEqual(['one', 'two']));
    expect(failing.at(-1)).toBeNull();
    expect(sources.reports()['hall']?.dropped.retained).toBe(1);
  });

  it('fill what may wait and no more while no model takes them, each drop counted', async () => {
    const { broker, sources, texts, setModel, until } = start(source);
    setModel(false);
    await until(() => expect(broker.connected).toHaveLength(1));
    for (let count = 0; count < 100; count += 1) broker.publish('hall/a', say(`text ${count}`));
    await until(() => expect(sources.reports()['hall']?.dropped.tooMany).toBe(36));
    setModel(true);
    await until(() => expect(texts).toHaveLength(64));
    expect(texts.at(-1)).toBe('text 63');
  });

  it('are not read in the clear from another machine, unless that is allowed', async () => {
    const { sources, until } = start(source.replace('127.0.0.1', '192.0.2.1'));
    await until(() => expect(sources.reports()['hall']?.lastError).toMatch(/not encrypted/));
  });
});

describe('sources', () => {
  it('go on while another is broken, which is tried again and told of', async () => {
    const path = join(directory, 'late.log');
    const { texts, sources, failing, until } = start(`${tail(path)}  pipe: { kind: stdin, text: whole }\n`);
    await until(() => expect(texts).toEqual(['one', 'two']));
    await until(() => expect(sources.reports()['log']).toMatchObject({ state: 'waiting' }));
    expect(failing.at(-1)).toContain('source log: there is no file');
    writeFileSync(path, 'three\n');
    await until(() => expect(texts.at(-1)).toBe('three'));
    expect(failing.at(-1)).toBeNull();
    expect(sources.reports()['pipe']).toMatchObject({ state: 'ended', taken: 2 });
  });

  it('replay a recording at its pace, silences counted and not bridged', async () => {
    const path = join(directory, 'a.csv');
    writeFileSync(path, 't,a,b\n0,1,10\n0.5,2,20\nx,1,1\n5,3,30\n4,1,1\n');
    const { clock, pieces, interrupted, sources, until } = start(
      `  csv: { kind: csv, file: ${path}, samples: { channels: { x: $.a, y: { path: $.b, scale: 0.1 } }, time: { path: $.t, unit: s } } }\n`,
    );
    const startMs = clock.unixMs();
    await until(() => expect(sources.reports()['csv']?.state).toBe('ended'));
    expect(clock.unixMs() - startMs).toBeGreaterThanOrEqual(5_000);
    expect(pieces.flatMap(({ samples }) => samples)).toHaveLength(7);
    expect(pieces[1]?.samples.at(-1)).toEqual([2, 2]);
    expect(interrupted).toEqual(['motor']);
    expect(sources.reports()['csv']).toMatchObject({
      taken: 4,
      samples: 7,
      gaps: 1,
      dropped: { malformed: 1, late: 1 },
    });
  });

  it('of programs are bounded by rate and size, and say so', async () => {
    const { texts, sources, clock } = start(
      '  bell: { kind: http, text: $.said, limits: { perSecond: 2, messageBytes: 40 } }\n',
    );
    await sources.post('bell', '{"said": "open"}');
    expect(await sources.post('bell', 'not JSON')).toMatchObject({ taken: 1, dropped: { malformed: 1 } });
    await expect(sources.post('bell', '{}')).rejects.toMatchObject({ code: 'SOURCE_BUSY' });
    await expect(sources.post('bell', 'x'.repeat(41))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    await expect(sources.post('other', '{}')).rejects.toMatchObject({ code: 'SOURCE_UNKNOWN' });
    clock.advance(1_000);
    await sources.post('bell', '{"said": "close"}');
    expect(texts).toEqual(['open', 'close']);
    expect(sources.reports()['bell']?.dropped).toMatchObject({ tooMany: 1, tooLarge: 1 });
  });

  it('wait when the channels are not those of the line, and say which it takes', async () => {
    const { sources, clock } = start('  bell: { kind: http, samples: { channels: { x: $.x } } }\n');
    const posted = sources.post('bell', '{"x": 1}').catch((thrown: unknown) => thrown);
    await eventually(() => {
      expect(sources.reports()['bell']?.lastError).toMatch(/line motor takes x, y; agent.yaml gives x/);
      return Promise.resolve();
    });
    clock.advance(1);
    await sources.close();
    expect(await posted).toMatchObject({ code: 'SOURCE_FAILED' });
  });
});

describe('agent.yaml', () => {
  const mistakesOf = (text: string) =>
    checkConfigText(`version: 1\nsources:\n${text}`, yaml).mistakes.map(
      ({ line, message }) => `${line} ${message}`,
    );

  it.each([
    ['  a: { kind: mqtt, url: http://x, topic: t, text: whole }\n', /^3 is "http:\/\/x": expected mqtt:/],
    ['  a: { kind: mqtt, url: mqtt://x, text: whole }\n', /expected topic, or a topic for each channel/],
    ['  a: { kind: file, file: f }\n', /expected either text or samples/],
    ['  a: { kind: file, file: f, text: said }\n', /expected whole, or a path such as/],
    [
      '  a:\n    kind: file\n    file: f\n    text: whole\n    fron: end\n',
      /^7 there is no key "fron" here; did you mean "from"\?/,
    ],
    ['  a: { kind: http, samples: { channels: { x: $.x }, age: held } }\n', /needs resample: hold/],
    ['  a: { kind: tail, file: f }\n', /^3 /],
    ['  a: { kind: stdin, text: whole }\n  b: { kind: stdin, text: whole }\n', /only one source can read/],
  ])('explains %j', (text, message) => expect(mistakesOf(text)[0]).toMatch(message));
});
