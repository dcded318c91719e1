/**
 * Taking the two ports that devices and operators are told: the one asked for or an error, the default or another one.
 * A found port is held from that moment by the link that listens on it, so that nobody can come in between.
 */
import { NanofleetError } from '@nanofleet/protocol';
import { LinkProxy } from './link-proxy.ts';

/** How many ports after a taken default are tried before the system chooses one. */
const TRIES = 20;

/** An open link; `moved` when the wanted port was taken. */
export interface OpenedLink {
  readonly link: LinkProxy;
  readonly moved: boolean;
}

/**
 * @param explicit what the user asked for: taken is an error
 * @param wanted the default, or what an earlier start used
 * @throws NanofleetError PORT_TAKEN
 */
export async function openLink(options: {
  name: string;
  explicit: number | null;
  wanted: number;
}): Promise<OpenedLink> {
  const { name, explicit, wanted } = options;
  if (explicit !== null) return { link: await openAsAsked(name, explicit), moved: false };
  for (let port = wanted; port < wanted + 2 * TRIES && port < 65_536; port += 2) {
    const link = await openIfFree(port);
    if (link !== null) return { link, moved: port !== wanted };
  }
  const link = new LinkProxy(0);
  await link.open();
  return { link, moved: true };
}

async function openAsAsked(name: string, port: number): Promise<LinkProxy> {
  const link = await openIfFree(port);
  if (link !== null) return link;
  const problem = `${name} ${port} was asked for and is taken by another process. Leave ${name} out, or name a free port.`;
  throw new NanofleetError('PORT_TAKEN', problem, { facts: { port } });
}

async function openIfFree(port: number): Promise<LinkProxy | null> {
  const link = new LinkProxy(port);
  try {
    await link.open();
    return link;
  } catch (thrown) {
    if (thrown instanceof NanofleetError && thrown.code === 'PORT_TAKEN') return null;
    throw thrown;
  }
}
