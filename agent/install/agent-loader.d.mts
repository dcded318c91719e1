/** What tests take of the loader: its pure steps. Never any of its effects. */
import type { BootState } from '../src/upgrade/boot-state.ts';

export declare const STARTS_MAX: number;
export declare const giveUp: (state: BootState, code: string, at: number) => BootState;
export declare const uncount: (state: BootState) => BootState;
export declare const nextStart: (
  state: BootState,
  world: {
    readonly base: string;
    readonly isWhole: (release: NonNullable<BootState['committed']>) => boolean;
    readonly at: number;
  },
) => { state: BootState; release: BootState['committed'] };
