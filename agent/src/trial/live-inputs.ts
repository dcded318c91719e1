/**
 * The inputs that a line was given lately, for trying a new version on what this device really hears. In memory only,
 * bounded in number and bytes, forgotten with the process; never on the disk, on the wire or in a log.
 */
import { LIVE_INPUTS_BYTES_MAX, LIVE_INPUTS_MAX } from '@nanofleet/protocol';
import type { Runner, Scored } from '@nanofleet/runtime';

/** One input of a model. */
export type LiveInput =
  | { readonly task: 'text-intent'; readonly text: string }
  | { readonly task: 'sensor-event'; readonly window: Float32Array };

/** Hears what one line is given, and on what its model fails. */
export interface InputWatcher {
  saw(input: LiveInput): void;
  /** The version of this digest has failed on a well-formed input. */
  failed(digest: string): void;
}

/** Runs an input on a model of its task. @throws TypeError for one of another task, and what the model throws */
export const runOn = (runner: Runner, input: LiveInput): Promise<Scored> => {
  if (runner.task === 'text-intent' && input.task === 'text-intent') return runner.decide(input.text);
  if (runner.task === 'sensor-event' && input.task === 'sensor-event') return runner.score(input.window);
  return Promise.reject(new TypeError(`a ${runner.task} model was given a ${input.task} input`));
};

/** A string takes at most so many bytes per unit. */
const BYTES_PER_UNIT = 2;

const bytesOf = (input: LiveInput): number =>
  input.task === 'text-intent' ? input.text.length * BYTES_PER_UNIT : input.window.byteLength;

interface Kept {
  inputs: LiveInput[];
  bytes: number;
  watcher: InputWatcher | null;
}

/** The last inputs of each line. */
export class LiveInputs {
  readonly #lines = new Map<string, Kept>();

  /** Notes an input, which is not changed later. */
  saw(line: string, input: LiveInput): void {
    const kept = this.#of(line);
    kept.inputs.push(input);
    kept.bytes += bytesOf(input);
    while (kept.inputs.length > LIVE_INPUTS_MAX || kept.bytes > LIVE_INPUTS_BYTES_MAX) {
      const oldest = kept.inputs.shift();
      if (oldest !== undefined) kept.bytes -= bytesOf(oldest);
    }
    kept.watcher?.saw(input);
  }

  failed({ line, digest }: { line: string; digest: string }): void {
    this.#lines.get(line)?.watcher?.failed(digest);
  }

  /** The inputs of a line, oldest first. */
  of(line: string): LiveInput[] {
    return [...(this.#lines.get(line)?.inputs ?? [])];
  }

  /** Tells somebody of each input of a line, in the place of whom it was told before; null for nobody. */
  watch(line: string, watcher: InputWatcher | null): void {
    this.#of(line).watcher = watcher;
  }

  /** Forgets all inputs. */
  clear(): void {
    for (const kept of this.#lines.values()) {
      kept.inputs = [];
      kept.bytes = 0;
    }
  }

  #of(line: string): Kept {
    const found = this.#lines.get(line);
    if (found !== undefined) return found;
    const fresh: Kept = { inputs: [], bytes: 0, watcher: null };
    this.#lines.set(line, fresh);
    return fresh;
  }
}
