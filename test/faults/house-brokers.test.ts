// Sources and sinks of agent.yaml under what a house does to them: a real mosquitto with TLS and a password, and kill -9.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, hasMosquitto } from '@nanofleet/controller/testing';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { makeMqttTransport } from '@nanofleet/runtime/mqtt';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { atEnd } from '../endings.ts';
import { runAgentCommand, startAgent, startAgentHere, writeLoneIdentity } from './parts/agents.ts';
import { signedBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';

const scratch = scratchDirectory();
const publisher = generateSigningKey();
const USER = 'home';
const PASSWORD = 'a word of the house';
const TEXT = 'turn on the bedroom light';
/** An agent is started three times, one after the other. */
const STARTS_MS = 180_000;

/** A device with the household line. */
const makeHome = (name: string, config: string): string => {
  const directory = join(scratch, name);
  writeLoneIdentity(directory, { publisher: publisher.fingerprint });
  writeFileSync(join(directory, 'agent.yaml'), `version: 1\nbundles: ../bundles\n${config}`);
  return directory;
};

beforeAll(() =>
  signedBundle({ from: 'household-2', to: join(scratch, 'bundles', 'household-2'), key: publisher }),
);

/** A certificate for 127.0.0.1 that signs itself. */
const makeCertificate = (name: string): { key: string; certificate: string } => {
  const [key, certificate] = [join(scratch, `${name}.key`), join(scratch, `${name}.pem`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  });
  return { key, certificate };
};

const startBroker = async (port: number, { key, certificate }: ReturnType<typeof makeCertificate>) => {
  const [settings, users] = [join(scratch, 'mosquitto.conf'), join(scratch, 'users')];
  execFileSync('mosquitto_passwd', ['-c', '-b', users, USER, PASSWORD], { stdio: 'ignore' });
  // As root it goes on as a user of its own, who has to read these.
  for (const file of [users, key, certificate]) chmodSync(file, 0o644);
  chmodSync(scratch, 0o755);
  const lines = [
    'allow_anonymous false',
    `password_file ${users}`,
    `certfile ${certificate}`,
    `keyfile ${key}`,
  ];
  writeFileSync(settings, [`listener ${port} 127.0.0.1`, ...lines, ''].join('\n'));
  const broker = spawn('mosquitto', ['-c', settings], { stdio: 'ignore' });
  atEnd(() => {
    broker.kill();
    return once(broker, 'exit');
  });
};

describe.runIf(hasMosquitto())('a broker with a password and a certificate of its own', () => {
  const made = (name: string, { password, ca }: { password: string; ca: string }) => {
    const url = `url: mqtts://127.0.0.1:${port}, username: ${USER}, passwordFile: word, caFile: ${ca}`;
    const directory = makeHome(
      name,
      `sources:\n  hall: { kind: mqtt, ${url}, topic: hall/say, text: whole }\nsinks:\n  done: { kind: mqtt, ${url}, topic: 'hall/{label}' }\n`,
    );
    writeFileSync(join(directory, 'word'), `${password}\n`);
    return directory;
  };
  const doctor = async (directory: string): Promise<string> =>
    (await runAgentCommand('doctor', '--dir', directory)).out;
  let port = 0;
  let certificate = '';

  beforeAll(async () => {
    port = await freePort();
    const broker = makeCertificate('broker');
    ({ certificate } = broker);
    await startBroker(port, broker);
  });

  it('gives what is said and takes what was decided', async () => {
    const directory = made('well', { password: PASSWORD, ca: certificate });
    await eventually(async () => {
      expect(await doctor(directory)).toMatch(/^ok +source hall [^]*^ok +sink done /m);
    });
    const agent = await startAgentHere(directory);
    await eventually(async () => expect((await agent.status()).sources['hall']?.state).toBe('open'));
    await say(port, certificate);
    await eventually(async () => {
      const { sources, sinks } = await agent.status();
      expect(sources['hall']?.taken).toBe(1);
      expect(sinks['done']).toMatchObject({ sent: 1, state: 'open' });
    });
  });

  it('refuses another password, and doctor says so for source and sink', async () => {
    const said = await doctor(made('guessing', { password: 'guessed', ca: certificate }));
    expect(said).toMatch(/^WRONG +source hall +127\.0\.0\.1:\d+: the broker refuses name and password/m);
    expect(said).toMatch(/^WRONG +sink done +127\.0\.0\.1:\d+: the broker refuses name and password/m);
  });

  it('is not believed with a certificate of somebody else', async () => {
    const said = await doctor(
      made('misled', { password: PASSWORD, ca: makeCertificate('other').certificate }),
    );
    expect(said).toMatch(/^WRONG +source hall +127\.0\.0\.1:\d+: .*self-signed certificate/m);
    expect(said).toMatch(/^WRONG +sink done +127\.0\.0\.1:\d+: .*self-signed certificate/m);
  });
});

/** Publishes as somebody in the house. */
const say = async (port: number, certificate: string): Promise<void> => {
  const ca = [readFileSync(certificate, 'utf8')];
  await new Promise<void>((resolve, reject) => {
    const login = { clientId: 'panel', username: USER, password: PASSWORD, keepaliveS: 0, tls: { ca } };
    const connection = makeMqttTransport().connect(
      { ...login, url: `mqtts://127.0.0.1:${port}`, connectTimeoutMs: 10_000 },
      {
        opened: () => {
          connection
            .publish('hall/say', Buffer.from(TEXT), { qos: 1, isRetained: false })
            .then(() => connection.end({ isOrderly: true }))
            .then(resolve, reject);
        },
        received: () => undefined,
        closed: (reason) => (reason === null ? resolve() : reject(new TypeError(reason))),
      },
    );
  });
};

describe('kill -9 of an agent that follows a file', () => {
  it(
    'leaves out no line, and uses at most one twice',
    async () => {
      const [LINES, KILLS, BETWEEN] = [600, 2, 150];
      const directory = makeHome(
        'killed',
        'sources:\n  log: { kind: file, file: said.log, from: start, text: whole, limits: { perSecond: 200 } }\n',
      );
      appendFileSync(join(directory, 'said.log'), `${TEXT}\n`.repeat(LINES));
      let seen = 0;
      for (let kill = 0; kill < KILLS; kill += 1) {
        const agent = await startAgent(directory);
        const before = seen;
        await eventually(async () => {
          seen = (await agent.status()).waiting;
          expect(seen).toBeGreaterThanOrEqual(before + BETWEEN);
        });
        await agent.kill();
      }
      expect(seen).toBeLessThan(LINES);
      const last = await startAgent(directory);
      // Each decision's record is on the disk before the next line is read: they count the lines that were used.
      await eventually(async () => expect((await last.status()).waiting).toBeGreaterThanOrEqual(LINES));
      const settled = (await last.status()).waiting;
      appendFileSync(join(directory, 'said.log'), `${TEXT}\n`);
      await eventually(async () => expect((await last.status()).waiting).toBe(settled + 1));
      expect(settled).toBeGreaterThanOrEqual(LINES);
      expect(settled).toBeLessThanOrEqual(LINES + KILLS);
    },
    STARTS_MS,
  );
});
