// What a campaign asks a machine of the agent's service, and of what is left when it was taken away. Reads only.
import type { DeviceShell } from './device-shell.ts';

const UNIT = 'nanofleet-agent';
const KIB = 1_024;
/** Numbers of its processes, as the shell has them. */
const PROCESSES = `$(cat /sys/fs/cgroup$(systemctl show -P ControlGroup ${UNIT})/cgroup.procs)`;

/** Written by a Debian that runs, with or without an agent. */
const OF_THE_SYSTEM = [
  ...[
    '/var/log/*',
    '/var/lib/systemd/*',
    '/var/lib/dpkg/*',
    '/var/lib/apt/*',
    '/var/backups/*',
    '/var/cache/*',
  ],
  ...['/var/tmp/*', '/tmp/systemd-private-*', '/etc/passwd-', '/etc/group-', '/etc/shadow-', '/etc/gshadow-'],
  ...['/etc/subuid-', '/etc/subgid-', '/etc/.pwd.lock'],
];
/** What is on the disk, a line each: kind, mode, owner and path of everything, hashes of the settings. */
const LIST = [
  `find / -xdev \\( ${OF_THE_SYSTEM.map((path) => `-path '${path}'`).join(' -o ')} \\) -prune -o -printf '%y %m %u %p\\n'`,
  `find /etc -xdev -type f ! -name '*-' ! -name .pwd.lock -exec sha256sum {} +`,
].join('; ');
const BEFORE = '/var/tmp/before';

/** Notes on its own disk what is there. */
export const noteFiles = (machine: DeviceShell): Promise<unknown> =>
  machine.run(`touch ${BEFORE}; (${LIST}) | sort > ${BEFORE}`);

/** What a disk has that it had not, or has not that it had; programs of the agent's that still run. */
export async function leftOn(machine: DeviceShell) {
  const linesOf = async (line: string): Promise<string[]> =>
    (await machine.run(line)).out.split('\n').filter((found) => found !== '');
  return {
    leftovers: await linesOf(`(${LIST}) | sort | diff ${BEFORE} - | grep '^[<>]'`),
    stillRunning: await linesOf('readlink /proc/[0-9]*/exe | grep -E "nanofleet|deleted"'),
  };
}

/** How often the service manager has started it again. */
export async function restartsOf(machine: DeviceShell): Promise<number> {
  return Number((await machine.run(`systemctl show -P NRestarts ${UNIT}`)).out);
}

/** Stops each process of the service, so that none of them says that it is well. */
export const stopAll = (machine: DeviceShell): Promise<unknown> => machine.run(`kill -STOP ${PROCESSES}`);

/** Memory of the agent, of the loader beside it, and of their whole group with the pages of files, MB. */
export async function memoryOf(machine: DeviceShell) {
  const one = `for pid in ${PROCESSES}; do grep -E '^(VmRSS|VmHWM|RssAnon)' /proc/$pid/status | tr -dc '0-9\\n' | tr '\\n' ' '; echo; done`;
  const { out } = await machine.run(`systemctl show -P MemoryCurrent ${UNIT}; ${one}`);
  const [group = '', ...processes] = out.trim().split('\n');
  const [agent, loader] = processes
    .map((line) =>
      line
        .trim()
        .split(' ')
        .map((kibibytes) => megabytes(Number(kibibytes) * KIB)),
    )
    .toSorted(([, a = 0], [, b = 0]) => b - a);
  return {
    ...{ rssPeakMB: agent?.[0], rssMB: agent?.[1], rssOwnMB: agent?.[2] },
    ...{ loaderMB: loader?.[1], loaderOwnMB: loader?.[2], groupMB: megabytes(Number(group)) },
  };
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;
