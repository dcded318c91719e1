// Owns what is said about a vibration bundle: how large its training was and how it did. No computation.

/** How large a bundle's training is; tests use a tiny one. */
export interface VibrationScale {
  readonly machines: { readonly training: number; readonly validation: number; readonly test: number };
  /** Runs of each kind of disturbance. */
  readonly disturbances: { readonly training: number; readonly tuning: number; readonly judging: number };
  readonly epochs: number;
}

/** Figures of a finished bundle. */
export interface VibrationFigures {
  readonly digest: string;
  readonly bytes: number;
  readonly macroF1Float32: number;
  readonly macroF1: number;
  readonly macroF1WorstMachine: number;
  readonly auroc: number;
  /** AUROC of kinds of disturbance that the network never learned from. */
  readonly aurocUnseen: Readonly<Record<string, number>>;
  readonly confusion: readonly (readonly number[])[];
  readonly microseconds: number;
}
