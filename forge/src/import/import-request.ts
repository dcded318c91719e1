// Owns what an import is asked for and what it says it made, and reading the model's file. It never imports.
import { readFile } from 'node:fs/promises';
import { NanofleetError } from '@nanofleet/protocol';
import type { ImportedFacts } from './card.ts';

/** What is imported, as the command line says it. */
export interface ImportRequest {
  readonly model: string;
  /** File with a label a line, in the order of the outputs; without it the sorted labels of the validation file. */
  readonly labels?: string | undefined;
  readonly validation: string;
  readonly line: string;
  readonly version: string;
  readonly releaseCounter: number;
  readonly license: string;
  readonly keepFloat: boolean;
  /** Greatest loss of accuracy that int8 may cost, 0..1. */
  readonly lossMax: number;
  readonly directory: string;
  readonly nowMs: () => number;
}

/** A classifier of features or sensor windows. */
export interface SensorImportRequest extends ImportRequest {
  readonly unit: string;
  readonly rateHz: number;
  readonly hopSamples?: number | undefined;
  /** Names of the channels of windows; columns name those of features. */
  readonly channels?: readonly string[] | undefined;
  /** Labels that become events. */
  readonly events: readonly string[];
}

/** A classifier of texts. */
export interface TextImportRequest extends ImportRequest {
  /** The file `tokenizer.json`. */
  readonly tokenizer: string;
  /** Tokens of a text that go to the model; what the tokenizer's file says, or 128, when left out. */
  readonly tokensMax?: number | undefined;
}

/** What was made. */
export interface Imported extends ImportedFacts {
  readonly digest: string;
  readonly bytes: number;
  readonly labels: readonly string[];
}

/** The bytes of a file of a foreign model. @throws NanofleetError SETTING_INVALID */
export async function bytesOf(path: string): Promise<Uint8Array> {
  return await readFile(path).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NanofleetError('SETTING_INVALID', `The model could not be read: ${why}`, { cause });
  });
}
