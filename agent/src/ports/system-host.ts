/** The real Host: this process and the machine below it. */
import { readFileSync } from 'node:fs';
import { totalmem, uptime } from 'node:os';
import type { Host } from './host.ts';

/** Linux makes one at each boot; elsewhere there is none. */
const readBootId = (): string | null => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
};
const bootId = readBootId();

/** This process. */
export const systemHost: Host = {
  arch: process.arch,
  nodeVersion: process.version,
  memoryBytes: totalmem(),
  rssBytes: () => process.memoryUsage.rss(),
  cpuSeconds: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
  boot: () => (bootId === null ? null : { id: bootId, uptimeMs: uptime() * 1_000 }),
};
