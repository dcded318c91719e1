// A Debian without anything of ours, made once by debootstrap and kept, and a throw-away layer above it for each device:
// what the device writes lies in the layer. Mounts end with the caller's mount namespace.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Processor } from './processors.ts';

const SUITE = 'bookworm';
/** What a device has beside the smallest Debian: what brings the package and unpacks it; systemd's programs, to check the unit. */
const PACKAGES = 'curl,xz-utils,systemd';
/** What a machine that boots has beside that. */
const MACHINE_PACKAGES = `${PACKAGES},systemd-sysv,udev,dbus,linux-image-cloud-amd64`;
const MINUTES_MAX = 60;

/** Where the root lies once it is made. */
export const rootPlace = ({ debian }: Processor, cache: string): string => join(cache, `${SUITE}-${debian}`);

/** The folder of the root, which debootstrap makes if it is not there: that takes the network. */
export const debianRoot = (processor: Processor, cache: string): string =>
  make(rootPlace(processor, cache), processor, PACKAGES);

/** The folder of the root of a machine that boots, made likewise. */
export const machineRoot = (processor: Processor, cache: string): string =>
  make(`${rootPlace(processor, cache)}-machine`, processor, MACHINE_PACKAGES);

function make(place: string, processor: Processor, packages: string): string {
  if (existsSync(place)) return place;
  const making = `${place}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(dirname(place), { recursive: true });
  console.log(`${place}: debootstrap makes it`);
  const options = ['--variant=minbase', `--arch=${processor.debian}`, `--include=${packages}`];
  const apart = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  execFileSync('unshare', [...apart, 'debootstrap', ...options, SUITE, making], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: MINUTES_MAX * 60_000,
  });
  renameSync(making, place);
  return place;
}

/** A root that starts as another one and keeps what is written apart. */
export interface LayeredRoot {
  readonly merged: string;
  readonly lower: string;
  /** What was written or removed; the form is overlayfs's. */
  readonly upper: string;
}

/** Lays one below a scratch directory of this machine's disk. */
export function layeredRoot(lower: string, scratch: string): LayeredRoot {
  const [merged, upper, work] = [join(scratch, 'merged'), join(scratch, 'upper'), join(scratch, 'work')];
  for (const folder of [merged, upper, work]) mkdirSync(folder, { recursive: true });
  const places = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', places, merged]);
  return { merged, lower, upper };
}

/** Whether a command is on this machine. */
export const hasCommand = (name: string): boolean =>
  spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name], { stdio: 'ignore' }).status === 0;
