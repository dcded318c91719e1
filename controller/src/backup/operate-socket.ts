/**
 * The way to a controller that runs here, for whoever may enter its state directory: a Unix socket in it. Takes the key of
 * a backup and the name of its file, and makes it while the controller serves, because nobody else can open the embedded
 * database meanwhile. Whoever can connect can read the keys beside it, so nothing more is asked.
 */
import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isErrorCode, NanofleetError, SOCKET_PATH_BYTES_MAX, toNanofleetError } from '@nanofleet/protocol';
import { removeSocket } from '@nanofleet/protocol/node';
import type { Log } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import type { BackupSummary } from './backup-format.ts';
import type { Seal } from './sealing.ts';
import { SOCKET_FILE } from './state-files.ts';

const requestSchema = z.object({ file: z.string().startsWith('/'), header: z.string(), key: z.base64() });
const answerSchema = z.union([
  z.object({
    summary: z.object({
      ...{ id: z.string(), createdAt: z.number(), fleet: z.string(), rows: z.number() },
      ...{ devices: z.number(), blobs: z.number(), bytes: z.number() },
    }),
  }),
  z.object({ code: z.string(), message: z.string() }),
]);

/** Makes a backup of the running controller. */
export type MakeBackup = (file: string, seal: Seal) => Promise<BackupSummary>;

/** Listens; gives what ends that. Without room for the name of the socket nobody listens, and the log says so. */
export const listenForBackups = async (
  directory: string,
  { log, make }: { log: Log; make: MakeBackup },
): Promise<() => Promise<void>> => {
  const path = join(directory, SOCKET_FILE);
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    log.warn('backups need a shorter path of the state directory', { path });
    return () => Promise.resolve();
  }
  // Of a process that was killed: this one holds the lock of the directory.
  await removeSocket(path);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    void serve(socket, make);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
  await chmod(path, 0o600);
  return async () => {
    for (const socket of open) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
};

const serve = async (socket: Socket, make: MakeBackup): Promise<void> => {
  // Whoever goes away gets no answer; what was begun is finished, and is whole.
  socket.on('error', () => undefined);
  const answer = await answerTo(socket, make).catch((thrown: unknown) => {
    const { code, message } = toNanofleetError(thrown);
    return { code, message };
  });
  socket.end(`${JSON.stringify(answer)}\n`);
};

const answerTo = async (socket: Socket, make: MakeBackup) => {
  const { file, header, key } = requestSchema.parse(JSON.parse(await lineOf(socket)));
  return { summary: await make(file, { header, key: Buffer.from(key, 'base64') }) };
};

const lineOf = (socket: Socket): Promise<string> =>
  new Promise((resolve, reject) => {
    const lines = createInterface({ input: socket });
    lines.once('line', resolve);
    lines.once('close', () => reject(new NanofleetError('INPUT_INVALID', 'The connection ended too early.')));
    socket.once('error', reject);
  });

/**
 * Asks the controller that runs in a directory for a backup; null when none listens there.
 * @throws NanofleetError of the controller
 */
export const askForBackup = async (
  directory: string,
  { file, seal }: { file: string; seal: Seal },
): Promise<BackupSummary | null> => {
  const path = join(directory, SOCKET_FILE);
  if (!existsSync(path)) return null;
  const socket = createConnection(path);
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  if (!isOpen) return null;
  const { header, key } = seal;
  socket.write(`${JSON.stringify({ file, header, key: Buffer.from(key).toString('base64') })}\n`);
  const answer = answerSchema.parse(JSON.parse(await lineOf(socket)));
  if ('summary' in answer) return answer.summary;
  throw new NanofleetError(isErrorCode(answer.code) ? answer.code : 'INTERNAL', answer.message);
};
