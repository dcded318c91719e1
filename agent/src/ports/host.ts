/** The Host port: what the process and its machine use. Owns no judgement. */

/** Use of the machine by this process. */
export interface Host {
  readonly arch: string;
  readonly nodeVersion: string;
  readonly memoryBytes: number;
  /** Resident memory, bytes. */
  rssBytes(): number;
  /** CPU seconds used since the process started, user and system. */
  cpuSeconds(): number;
  /** Which boot of the machine this is, and the time since it, sleep included; left out where nobody knows. */
  boot?(): { readonly id: string; readonly uptimeMs: number } | null;
}
