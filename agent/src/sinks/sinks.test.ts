import { createHmac } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Decision, SensorEventView } from '@nanofleet/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { checkConfigText } from '../config/config-mistakes.ts';
import { decision, endSinks, event, startSinks as start, TEXT } from './test-sinks.ts';

let directory = '';
let servers: Server[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nf-sinks-'));
  servers = [];
});
afterEach(async () => {
  await endSinks();
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true, force: true });
});

const MQTT = '  hall: { kind: mqtt, url: mqtt://127.0.0.1, topic: "home/{device}/{line}/{label}" }\n';

describe('a topic of a broker', () => {
  it('gets what was decided, and of what was said nothing unless it is told so', async () => {
    const said = MQTT.replace('hall', 'said')
      .replace('home/', 'said/')
      .replace(' }', ', slots: true, text: true }');
    const { sinks, until, heard, left } = start(MQTT + said);
    sinks.decided(decision({ id: 'x' as Decision['id'] }), TEXT);
    await until(() => expect(heard()).toHaveLength(2));
    const [plain, told] = heard().toSorted((a, b) => a.topic.localeCompare(b.topic));
    expect(plain).toEqual({
      topic: 'home/home-1/intent/HassTurnOn',
      type: 'decision',
      id: 'x',
      at: '2023-11-14T22:13:20.000Z',
      device: 'home-1',
      line: 'intent',
      version: '2.0.0',
      label: 'HassTurnOn',
      confidence: 0.98,
      verdict: 'sure',
      tier: 'nano',
    });
    expect(told).toMatchObject({ slots: { name: 'lamp', area: 'Kitchen' }, text: TEXT });
    expect(left).toEqual([]);
  });

  it('gets only the lines, labels, verdicts, tiers and confidences that it is for', async () => {
    const { sinks, until, heard } = start(
      MQTT.replace(
        ' }',
        ', when: { line: intent, labels: [HassTurnOn, weather], minConfidence: 0.9, tiers: [nano, mini] } }',
      ),
    );
    sinks.decided(decision({ label: 'HassTurnOff' }), TEXT);
    sinks.decided(decision({ confidence: 0.8 }), TEXT);
    sinks.decided(decision({ verdict: 'unsure' }), TEXT);
    sinks.decided(decision({ line: 'other' as Decision['line'] }), TEXT);
    sinks.sensed(event('start'));
    const answer = {
      tier: 'mini',
      label: 'weather',
      confidence: 0.95,
      outOfScope: 0,
      verdict: 'sure',
      version: '1.0.0',
      milliseconds: 9,
    } as const;
    sinks.answered(decision({ offload: { status: 'answered', answer } }));
    sinks.answered(decision({ offload: { status: 'unanswered' } }));
    await until(() => expect(heard()).toMatchObject([{ label: 'weather', tier: 'mini', version: '1.0.0' }]));
  });

  it('gets the end of an event when it got the beginning, whatever the confidence at the end', async () => {
    const { sinks, until, heard } = start(
      MQTT.replace('{label}', '{label}/{phase}').replace(' }', ', when: { minConfidence: 0.8 } }'),
    );
    sinks.sensed(event('start'));
    sinks.sensed(event('stop', { confidence: 0 }));
    const weak = { occurrence: '0190a000-0000-7000-8000-00000000000b' as SensorEventView['occurrence'] };
    sinks.sensed(event('start', { ...weak, confidence: 0.5 }));
    sinks.sensed(event('stop', { ...weak, confidence: 0 }));
    await until(() => expect(heard()).toHaveLength(2));
    expect(heard().map(({ topic }) => topic)).toEqual([
      'home/home-1/vibration/bearing-fault/start',
      'home/home-1/vibration/bearing-fault/stop',
    ]);
  });

  it('has one level for a label, whatever stands in it', async () => {
    const { sinks, until, heard } = start(MQTT);
    sinks.decided(decision({ label: 'a/+/#\u0000b' }), TEXT);
    await until(() => expect(heard()[0]?.topic).toBe('home/home-1/intent/a_____b'));
  });

  it('gets what waited when the broker is back, but nothing that is too old by then', async () => {
    const { sinks, broker, until, heard, failing, clock } = start(MQTT.replace(' }', ', expireMs: 60000 }'));
    await until(() => expect(sinks.reports()['hall']?.state).toBe('open'));
    broker.crash();
    await until(() => expect(failing.at(-1)).toMatch(/sink hall: .*the broker is gone/));
    sinks.decided(decision({ label: 'old' }), TEXT);
    clock.advance(61_000);
    sinks.decided(decision({ label: 'new' }), TEXT);
    broker.isUp = true;
    await until(() => expect(heard().map(({ label }) => label)).toEqual(['new']));
    expect(failing.at(-1)).toBeNull();
    const { dropped, sent } = sinks.reports()['hall'] ?? {};
    expect({ ...dropped, sent }).toMatchObject({ sent: 1, tooMany: 0 });
    expect((dropped?.expired ?? 0) + (dropped?.failed ?? 0)).toBe(1);
  });

  it('holds no more than the bound while it is away, the newest of them', async () => {
    const { sinks, broker, until, heard } = start(MQTT.replace(' }', ', expireMs: 3600000 }'));
    broker.isUp = false;
    for (let number = 0; number < 300; number += 1) sinks.decided(decision({ label: `l${number}` }), TEXT);
    expect(sinks.reports()['hall']).toMatchObject({ waiting: 256, dropped: { tooMany: 44 } });
    broker.isUp = true;
    await until(() => expect(heard()).toHaveLength(256));
    expect(
      heard()
        .map(({ label }) => label)
        .at(-1),
    ).toBe('l299');
  });

  it('is not written in the clear on another machine; what was said there is noted before it leaves', async () => {
    const away = MQTT.replace('127.0.0.1', '192.0.2.1').replace(' }', ', slots: true }');
    const refused = start(away);
    await refused.until(() => expect(refused.sinks.reports()['hall']?.lastError).toMatch(/not encrypted/));
    const { sinks, until, heard, left } = start(away.replace(' }', ', allowPlain: true }'));
    sinks.decided(decision({ id: 'x' as Decision['id'] }), TEXT);
    await until(() => expect(heard()).toHaveLength(1));
    expect(left).toMatchObject([{ what: 'sink', sink: 'hall', decision: 'x', policy: 'none' }]);
  });
});

/** A server that answers with the given statuses, then with the last of them. */
const serve = async (statuses: (number | 'never')[]) => {
  const seen: { headers: IncomingMessage['headers']; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    request.on('end', () => {
      const status = statuses[Math.min(seen.length, statuses.length - 1)] ?? 200;
      seen.push({ headers: request.headers, body });
      if (status !== 'never') response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end();
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/secret` };
};

describe('a webhook', () => {
  it('gets signed JSON under one id over all tries, until it takes it', async () => {
    const { seen, url } = await serve([503, 429, 204]);
    const secret = Buffer.from('a key of 24 bytes, or so');
    writeFileSync(join(directory, 'secret'), `whsec_${secret.toString('base64')}\n`);
    const { sinks, until } = start(
      `  hook: { kind: webhook, url: "${url}", secretFile: ${join(directory, 'secret')} }\n`,
    );
    sinks.decided(decision(), TEXT);
    await until(() => expect(sinks.reports()['hook']).toMatchObject({ sent: 1, failures: 2 }));
    expect(new Set(seen.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    const { headers, body } = seen[2] ?? { headers: {}, body: '' };
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    const expected = createHmac('sha256', secret).update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${expected}`);
    expect(JSON.parse(body)).toMatchObject({ label: 'HassTurnOn', device: 'home-1' });
  });

  it.each([404, 302])(
    'that answers %i is not asked again for that message, and says so without its path',
    async (status) => {
      const { seen, url } = await serve([status]);
      const { sinks, until, failing } = start(`  hook: { kind: webhook, url: "${url}" }\n`);
      sinks.decided(decision(), TEXT);
      await until(() => expect(sinks.reports()['hook']?.dropped.refused).toBe(1));
      expect(seen).toHaveLength(1);
      expect(failing.at(-1)).toMatch(new RegExp(`^sink hook: 127\\.0\\.0\\.1:\\d+ answered ${status}$`));
    },
  );

  it('that never answers is given up after its time and its tries, and the next message has its turn', async () => {
    const { seen, url } = await serve(['never']);
    const { sinks, until } = start(
      `  hook: { kind: webhook, url: "${url}", timeoutMs: 1000, expireMs: 86400000 }\n`,
    );
    sinks.decided(decision(), TEXT);
    sinks.decided(decision(), TEXT);
    await until(() => expect(sinks.reports()['hook']?.dropped.failed).toBe(1), 999);
    await until(() => expect(seen).toHaveLength(9), 999);
    expect(sinks.reports()['hook']).toMatchObject({ state: 'waiting', waiting: 1, sent: 0 });
    expect(sinks.reports()['hook']?.lastError).not.toContain('secret');
  });
});

const script = (body: string): string => {
  const path = join(directory, 'program');
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
};

describe('a command', () => {
  const sink = (program: string, more = '', given = '[on, "{slot.area}"]') =>
    `  lights: { kind: command, slots: true, ${more} commands: { HassTurnOn: { program: ${program}, arguments: ${given} } } }\n`;

  it('gets values as arguments of their own and as variables, and nothing of the environment of the agent', async () => {
    const out = join(directory, 'out');
    const { sinks, until } = start(
      sink(script(`printf '%s\\n' "$#" "$@" > ${out}.new; env >> ${out}.new; mv ${out}.new ${out}`)),
    );
    const wicked = '$(touch x); `id` "quoted"';
    const entities: Decision['entities'] = [{ type: 'area', start: 0, end: wicked.length }];
    sinks.decided(decision({ label: 'HassTurnOff' }), TEXT);
    sinks.decided(decision({ entities }), wicked);
    await until(() => expect(sinks.reports()['lights']?.sent).toBe(1));
    const lines = readFileSync(out, 'utf8').split('\n');
    expect(lines.slice(0, 3)).toEqual(['2', 'on', wicked]);
    expect(lines).toContain(`NANOFLEET_SLOT_AREA=${wicked}`);
    expect(lines).toContain('NANOFLEET_LABEL=HassTurnOn');
    expect(lines.filter((line) => line.startsWith('HOME=') || line.startsWith('NANOFLEET_TEXT'))).toEqual([]);
  });

  it('is not started for a message that lacks a value, nor with a value that would be an option', async () => {
    const ran = join(directory, 'ran');
    const { sinks, until, failing } = start(sink(script(`touch ${ran}`)));
    sinks.decided(decision({ entities: [] }), TEXT);
    await until(() => expect(sinks.reports()['lights']?.lastError).toBe('the message has no slot area'));
    sinks.decided(decision({ entities: [{ type: 'area', start: 0, end: 3 }] }), '-rf');
    await until(() => expect(sinks.reports()['lights']?.lastError).toMatch(/would be an option/));
    expect(sinks.reports()['lights']?.dropped.refused).toBe(2);
    expect(existsSync(ran)).toBe(false);
    expect(failing).toEqual([]);
  });

  it('that fails is not run again; its first bytes of output are shown here, and go no further', async () => {
    const program = script('echo "no such lamp: $2"; yes; exit 3');
    const { sinks, until, failing } = start(sink(program.replace('yes;', ''), 'outputBytes: 14,'));
    writeFileSync(program, '#!/bin/sh\necho "no such lamp: $2"\nexit 3\n');
    sinks.decided(decision(), TEXT);
    await until(() => expect(sinks.reports()['lights']?.dropped.refused).toBe(1));
    expect(sinks.reports()['lights']?.lastError).toBe(`${program} ended with code 3: no such lamp:`);
    expect(failing.at(-1)).toBe(`sink lights: ${program} ended with code 3`);
  });

  it('that takes too long is killed with what it started', async () => {
    const pid = join(directory, 'pid');
    const { sinks, until } = start(sink(script(`sleep 600 & echo $! > ${pid}; wait`), 'timeoutMs: 1000,'));
    sinks.decided(decision(), TEXT);
    await until(() => expect(readFileSync(pid, 'utf8')).toMatch(/^\d+\n/), 1);
    await until(() => expect(sinks.reports()['lights']?.lastError).toMatch(/was ended after 1000 ms/));
    const stat = () => readFileSync(`/proc/${readFileSync(pid, 'utf8').trim()}/stat`, 'utf8');
    // Killed: gone, or waiting for whoever reaps orphans here.
    await until(() =>
      expect(existsSync(`/proc/${readFileSync(pid, 'utf8').trim()}`) ? stat() : ') Z').toMatch(/\) Z/),
    );
  });

  it('runs at most as many at once as it may', async () => {
    const log = join(directory, 'log');
    const { sinks, until } = start(
      sink(script(`echo + >> ${log}; sleep 0.1; echo - >> ${log}`), 'atOnce: 2,'),
    );
    for (let number = 0; number < 5; number += 1) sinks.decided(decision(), TEXT);
    await until(() => expect(sinks.reports()['lights']?.sent).toBe(5), 1);
    let [now, most] = [0, 0];
    for (const mark of readFileSync(log, 'utf8').trim().split('\n')) {
      now += mark === '+' ? 1 : -1;
      most = Math.max(most, now);
    }
    expect(most).toBe(2);
  });
});

describe('agent.yaml', () => {
  const mistakesOf = (text: string) =>
    checkConfigText(`version: 1\nsinks:\n${text}`, yaml).mistakes.map(
      ({ line, message }) => `${line} ${message}`,
    );

  it.each([
    [
      '  a: { kind: mqtt, url: mqtt://x, topic: "a/{lable}" }\n',
      /^3 .*there is no value \{lable\}; known: device, id/,
    ],
    ['  a: { kind: mqtt, url: mqtt://x, topic: "a/#" }\n', /without \+ and #/],
    ['  a: { kind: mqtt, url: mqtt://x, topic: "a/{text}" }\n', /a topic cannot hold text or slots/],
    ['  a: { kind: mqtt, url: mqtt://x, topic: a, qos: 2 }\n', /^3 is 2/],
    ['  a: { kind: webhook, url: ftp://x }\n', /expected https:\/\/HOST\/PATH/],
    ['  a: { kind: command, commands: { x: { program: ls } } }\n', /expected an absolute path/],
    [
      '  a: { kind: command, commands: { x: { program: /bin/ls, arguments: ["{slot.area}"] } } }\n',
      /needs slots: true/,
    ],
    [
      '  a: { kind: command, commands: { x: { program: /bin/ls, arguments: ["{text}"] } } }\n',
      /needs text: true/,
    ],
    [
      '  a:\n    kind: webhook\n    url: https://x\n    when: { minConfidenc: 1 }\n',
      /^6 there is no key "minConfidenc" here; did you mean "minConfidence"\?/,
    ],
  ])('explains %j', (text, message) => expect(mistakesOf(text)[0]).toMatch(message));
});
