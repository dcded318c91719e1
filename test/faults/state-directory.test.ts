import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { SOCKET_PATH_BYTES_MAX } from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runAgentCommand, startAgent, startAgentHere, writeLoneIdentity } from './parts/agents.ts';
import { signedBundle } from './parts/bundles.ts';
import { CLONE, scratchDirectory } from './parts/clone.ts';
import { startTestController } from './parts/controller.ts';
import { runProgram } from './parts/programs.ts';
import { keepStandardError } from './parts/quiet.ts';
import { containing } from './parts/words.ts';

const DECISIONS = 5;
const QUESTION = 'what is on my calendar for tomorrow';
const scratch = scratchDirectory();
const bundles = join(scratch, 'bundles');
const killed = join(scratch, 'killed');
const used = join(scratch, 'used');
const key = generateSigningKey();
let count = 0;

const newPath = (): string => {
  count += 1;
  return join(scratch, `agent-${count}`);
};

const newDirectory = (): string => {
  const directory = newPath();
  writeLoneIdentity(directory, { publisher: key.fingerprint });
  return directory;
};

beforeAll(async () => {
  keepStandardError();
  signedBundle({ from: 'household-1', to: join(bundles, 'household-1'), key });
  writeLoneIdentity(killed, { publisher: key.fingerprint });
  const agent = await startAgent(killed, '--bundles', bundles);
  for (let done = 0; done < DECISIONS; done += 1) await agent.ask(QUESTION);
  await agent.kill();
  // A socket file cannot be copied.
  cpSync(killed, used, { recursive: true, filter: (path) => !path.endsWith('.sock') });
});

/** A directory as a killed agent with five undelivered decisions left it, but for its socket. */
const killedDirectory = (): string => {
  const directory = newPath();
  cpSync(used, directory, { recursive: true });
  return directory;
};

const start = async (directory: string, ...args: string[]) => {
  const agent = await startAgentHere(directory, '--bundles', bundles, ...args);
  onTestFinished(() => agent.kill());
  return agent;
};

/** Runs an agent that is expected to refuse: what it says. */
const runRefused = async (directory: string, ...args: string[]): Promise<string> => {
  const { code, err, out } = await runAgentCommand('run', '--dir', directory, '--bundles', bundles, ...args);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  return err;
};

const listen = async (path: string) => {
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
};

describe('the socket of an agent', () => {
  it('takes the place of a file that a killed agent left', async () => {
    expect(readdirSync(killed)).toContain('agent.sock');
    const agent = await start(killed);
    expect((await agent.ask(QUESTION)).label).toBe('calendar');
    expect((await agent.status()).waiting).toBe(DECISIONS + 1);
  });

  it('is refused when its path has more than 107 bytes, with what to do', async () => {
    const directory = newDirectory();
    const socket = join(directory, 's'.repeat(SOCKET_PATH_BYTES_MAX - directory.length));
    expect(socket).toHaveLength(SOCKET_PATH_BYTES_MAX + 1);
    const err = await runRefused(directory, '--socket', socket);
    expect(err).toMatch(/^SOCKET_PATH_TOO_LONG .*\n.*has 108 bytes; at most 107 work.*--socket/);
    const agent = await start(directory, '--socket', socket.slice(0, -1));
    expect((await agent.ask(QUESTION)).label).toBe('calendar');
  });

  it('counts bytes of its path, not characters', async () => {
    const directory = newDirectory();
    const socket = join(directory, 'ü'.repeat((SOCKET_PATH_BYTES_MAX - directory.length + 1) >> 1));
    expect(socket.length).toBeLessThan(SOCKET_PATH_BYTES_MAX);
    expect(await runRefused(directory, '--socket', socket)).toMatch(/^SOCKET_PATH_TOO_LONG /);
  });

  it('is refused while another process listens on it, which goes on listening', async () => {
    const directory = newDirectory();
    const server = await listen(join(directory, 'agent.sock'));
    const err = await runRefused(directory);
    expect(err).toMatch(/^SOCKET_IN_USE .*\n.*another process listens on .*agent\.sock.*--socket/);
    expect(server.listening).toBe(true);
    expect(readdirSync(directory)).toContain('agent.sock');
  });

  it('never takes the place of a file that is no socket', async () => {
    const directory = newDirectory();
    const path = join(directory, 'agent.sock');
    writeFileSync(path, 'somebody wrote this');
    expect(await runRefused(directory)).toMatch(/^SETTING_INVALID .*\n.*is a file, not a socket/);
    expect(readFileSync(path, 'utf8')).toBe('somebody wrote this');
  });
});

describe('the state directory of an agent', () => {
  it('is refused to a second agent, which names the first; the first goes on', async () => {
    const agent = await start(newDirectory());
    const args = ['run', '--dir', agent.directory, '--socket', join(agent.directory, 'other.sock')];
    const { code, err } = await runProgram({ file: CLONE.agent, args });
    expect(code).toBe(1);
    expect(err).toMatch(/^STATE_IN_USE /);
    expect(err).toContain(`is in use by process ${process.pid}. End that process, or give another --dir.`);
    expect((await agent.ask(QUESTION)).label).toBe('calendar');
  });

  it('can be used again after a kill, with every record that was accepted', async () => {
    const directory = killedDirectory();
    expect(readdirSync(directory)).toContain('agent.lock');
    const agent = await start(directory);
    expect((await agent.status()).waiting).toBe(DECISIONS);
    await agent.stop();
    expect(readdirSync(directory)).not.toContain('agent.lock');
  });

  it.each(['identity.json', 'session.json', join('slots', 'intent', 'state.json')])(
    'is refused when %s is cut in the middle, with what to do; once mended, nothing is lost',
    async (name) => {
      const directory = killedDirectory();
      const path = join(directory, name);
      const whole = readFileSync(path);
      truncateSync(path, whole.length >> 1);
      const err = await runRefused(directory);
      expect(err).toMatch(/^STATE_CORRUPT {2}/);
      expect(err).toContain(`${path} cannot be read: it is not JSON. Restore it, or move`);
      writeFileSync(path, whole);
      const agent = await start(directory);
      expect((await agent.status()).waiting).toBe(DECISIONS);
    },
  );

  it('is refused when its identity is JSON of another form', async () => {
    const directory = killedDirectory();
    writeFileSync(join(directory, 'identity.json'), '{"fleet": "Not A Fleet"}');
    expect(await runRefused(directory)).toMatch(/^STATE_CORRUPT .*\n.*identity\.json cannot be read: fleet/);
  });

  it('without an identity names the command that makes one', async () => {
    const directory = newPath();
    mkdirSync(directory, { mode: 0o700 });
    expect(await runRefused(directory)).toMatch(
      /^DEVICE_NOT_ENROLLED .*\n.*Run: nanofleet-agent enrol --dir/,
    );
  });

  it('mends a bundle that the disk has changed, from the signed one that it was installed with', async () => {
    const directory = killedDirectory();
    const slot = join(directory, 'slots', 'intent');
    const [digest = ''] = readdirSync(slot).filter((name) => /^[0-9a-f]{64}$/.test(name));
    truncateSync(join(slot, digest, 'infer.int8.onnx'), 100);
    const agent = await start(directory);
    expect((await agent.ask(QUESTION)).digest).toBe(digest);
    expect((await agent.status()).waiting).toBe(DECISIONS + 1);
  });

  it('with a desired state that is garbage lets no text leave until the controller says again', async () => {
    const directory = killedDirectory();
    writeFileSync(join(directory, 'desired.json'), '{"signed":');
    const agent = await start(directory);
    expect((await agent.status()).offload).toBe('none');
    const { offload, verdict } = await agent.ask('zzz qqq xyzzy plugh');
    expect(verdict).not.toBe('sure');
    expect(offload).toEqual({ status: 'refused', code: 'OFFLOAD_REFUSED' });
  });
});

describe('the outbox', () => {
  const segmentOf = (directory: string, recordClass: string): string => {
    const names = readdirSync(join(directory, 'outbox'));
    return join(directory, 'outbox', names.find((name) => name.startsWith(recordClass)) ?? 'missing');
  };

  it('keeps every record before the one that is torn, counts the loss and reports it', async () => {
    const directory = killedDirectory();
    const path = segmentOf(directory, 'decision');
    const bytes = readFileSync(path);
    const at = bytes.lastIndexOf('"decision"');
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(path, bytes);
    const agent = await start(directory);
    await expect.poll(async () => (await agent.status()).waiting).toBe(DECISIONS - 1 + 1);
    // The figures are those of the last beat.
    await expect
      .poll(async () => (await agent.status()).health?.outbox.decision)
      .toMatchObject({ records: DECISIONS - 1, dropped: 1 });
    expect(readFileSync(segmentOf(directory, 'event'), 'latin1')).toContain(
      '{"type":"records-dropped","class":"decision","dropped":1,"reason":"corrupt"}',
    );
  });

  it('goes on when a segment is nothing but garbage: it says so, and later records are kept', async () => {
    const directory = killedDirectory();
    writeFileSync(segmentOf(directory, 'decision'), Buffer.alloc(4_096, 0xa5));
    const agent = await start(directory);
    expect((await agent.ask(QUESTION)).label).toBe('calendar');
    await expect
      .poll(async () => (await agent.status()).health?.outbox.decision)
      .toMatchObject({ records: 1, dropped: 1 });
  });

  it('goes on when its ledger is garbage: what it has is kept under its old numbers', async () => {
    const directory = killedDirectory();
    writeFileSync(join(directory, 'outbox', 'ledger'), Buffer.alloc(8_192, 0x5a));
    const agent = await start(directory);
    expect((await agent.status()).waiting).toBe(DECISIONS);
    expect((await agent.ask(QUESTION)).label).toBe('calendar');
  });

  it('that was removed as a whole begins anew', async () => {
    const directory = killedDirectory();
    rmSync(join(directory, 'outbox'), { recursive: true });
    const agent = await start(directory);
    expect((await agent.ask(QUESTION)).label).toBe('calendar');
    expect((await agent.status()).waiting).toBe(1);
  });

  it('goes on when the log of what left the device is garbage', async () => {
    const directory = killedDirectory();
    writeFileSync(join(directory, 'outbound.log'), Buffer.alloc(1_000, 0xff));
    const agent = await start(directory);
    expect((await agent.status()).waiting).toBe(DECISIONS);
  });
});

describe('the state directory of a controller', () => {
  it.each([
    ['garbage', 'PG_VERSION', 'garbage'],
    ['another folder', 'notes.txt', 'not a database'],
  ])(
    'is refused when its database is %s, with what to do, and is left as it is',
    async (_what, name, text) => {
      const directory = newPath();
      const database = join(directory, 'db');
      mkdirSync(database, { recursive: true });
      writeFileSync(join(database, name), text);
      await expect(startTestController({ directory })).rejects.toMatchObject({
        code: 'STATE_CORRUPT',
        message: containing(`Put a backup of ${database} back, or move that folder away`),
      });
      expect(readFileSync(join(database, name), 'utf8')).toBe(text);
      expect(readdirSync(directory)).not.toContain('lock');
    },
  );

  it('is refused while another controller uses it, and when its key is cut no new one is made', async () => {
    const directory = newPath();
    const first = await startTestController({ directory });
    await expect(startTestController({ directory })).rejects.toMatchObject({
      code: 'STATE_IN_USE',
      message: `${directory} is in use by process ${process.pid}; stop that controller, or give this one another --dir.`,
    });
    expect((await first.call('ready')).ready).toBe(true);
    await first.running.stop();
    const path = join(directory, 'controller.key.pem');
    truncateSync(path, 60);
    await expect(startTestController({ directory })).rejects.toMatchObject({
      code: 'KEY_FILE_INVALID',
      message: containing(path),
    });
    expect(readFileSync(path)).toHaveLength(60);
  });
});
