// What a story of a device's disk is: a disk before it, how it is played, and how the disk that is found afterwards is judged.
import type { MemoryDisk } from '@nanofleet/runtime/testing';
import type { CrashDisk } from './crash-disk.ts';

/** What a story says afterwards: every entry is something that must not be. */
type Faults = readonly string[];

/** A story. */
export interface History {
  readonly name: string;
  /** The disk before it; made once, and copied. */
  readonly prepare: () => Promise<MemoryDisk>;
  /** Plays it until its goal or the end of the process, and gives what judges the disk that is found then. */
  readonly play: (disk: CrashDisk) => Promise<(found: MemoryDisk) => Promise<Faults>>;
}
