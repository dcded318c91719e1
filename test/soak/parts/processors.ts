// Which processors a device of the campaign may have, and how programs for another one run here: qemu as the kernel's
// interpreter for them. Registers it for as long as it is needed; never touches what somebody else registered.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';

/** A processor of devices. */
export interface Processor {
  /** In the names of packages, and of Node. */
  readonly arch: 'x64' | 'arm64';
  /** In Debian. */
  readonly debian: string;
  /** What its programs need in the environment where they are emulated. */
  readonly environment: Readonly<Record<string, string>>;
  /** What /proc/cpuinfo is to say where they are emulated: the kernel tells of this machine's own processor. */
  readonly cpuinfo: string;
}

/** ONNX Runtime asks /proc/cpuinfo which instructions there are; so must qemu's processor be one that has them. */
const CORTEX_A76 = [
  'processor\t: 0',
  'BogoMIPS\t: 50.00',
  'Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp',
  'CPU implementer\t: 0x41',
  'CPU architecture: 8',
  'CPU variant\t: 0x4',
  'CPU part\t: 0xd0b',
  'CPU revision\t: 1',
  '',
].join('\n');

export const PROCESSORS: Readonly<Record<Processor['arch'], Processor>> = {
  x64: { arch: 'x64', debian: 'amd64', environment: {}, cpuinfo: '' },
  arm64: {
    ...{ arch: 'arm64', debian: 'arm64', cpuinfo: CORTEX_A76 },
    environment: { QEMU_CPU: 'cortex-a76' },
  },
};

export const isForeign = ({ arch }: Processor): boolean => arch !== process.arch;

/** The one emulator that this knows: of 64-bit ARM. */
export const QEMU = '/usr/bin/qemu-aarch64-static';
const BINFMT = '/proc/sys/fs/binfmt_misc';
const ENTRY = `${BINFMT}/nanofleet-aarch64`;
/** ELF, 64 bits, little end first, machine 183, an executable or a shared object; F: opened now, so found in any root. */
const escaped = (bytes: readonly number[]): string =>
  bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
const MAGIC = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0xb7, 0];
const MASK = MAGIC.map((_, at) => (at === 7 ? 0 : at === 16 ? 0xfe : 0xff));

/** Lets this machine run programs of the processor. Returns what takes it back. */
export function emulate(processor: Processor): () => void {
  if (!isForeign(processor)) return () => undefined;
  if (!existsSync(`${BINFMT}/register`)) {
    mkdirSync(BINFMT, { recursive: true });
    execFileSync('mount', ['-t', 'binfmt_misc', 'binfmt_misc', BINFMT]);
  }
  if (existsSync(ENTRY)) return () => undefined;
  writeFileSync(`${BINFMT}/register`, `:nanofleet-aarch64:M::${escaped(MAGIC)}:${escaped(MASK)}:${QEMU}:F`);
  return () => writeFileSync(ENTRY, '-1');
}
