/**
 * Finding ports on the loopback: the one asked for or an error, the default or another one. Never keeps a port: it is
 * free when it is looked at, and its user still has to cope with losing it.
 */
import { createServer } from 'node:net';
import { NanofleetError } from '@nanofleet/protocol';

/** How many ports after a taken default are tried before the system chooses one. */
const TRIES = 20;

/** The port to use; `moved` when the wanted one was taken. */
export interface FoundPort {
  readonly port: number;
  readonly moved: boolean;
}

/**
 * @param explicit what the user asked for: taken is an error
 * @param wanted the default, or what an earlier start used
 * @throws NanofleetError PORT_TAKEN
 */
export async function findPort(options: {
  name: string;
  explicit: number | null;
  wanted: number;
}): Promise<FoundPort> {
  const { name, explicit, wanted } = options;
  if (explicit !== null) {
    if (await isFree(explicit)) return { port: explicit, moved: false };
    const problem = `${name} ${explicit} was asked for and is taken by another process. Leave ${name} out, or name a free port.`;
    throw new NanofleetError('PORT_TAKEN', problem, { facts: { port: explicit } });
  }
  if (await isFree(wanted)) return { port: wanted, moved: false };
  for (let port = wanted + 2; port < wanted + 2 * TRIES && port < 65_536; port += 2) {
    if (await isFree(port)) return { port, moved: true };
  }
  return { port: await anyFree(), moved: true };
}

const isFree = (port: number): Promise<boolean> =>
  listenOnce(port).then(
    () => true,
    () => false,
  );

const anyFree = (): Promise<number> => listenOnce(0);

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      const found = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(found));
    });
  });
}
