/** The real Host: this process and the machine below it. */
import { totalmem } from 'node:os';
import type { Host } from './host.ts';

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
};
