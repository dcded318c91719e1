// The models of all devices: each bundle is loaded once on the real engine and shared, because its digest covers every byte
// of it; a bundle that does not load is tried each time. Runs are real work, one at a time.
import type { Runner } from '@nanofleet/runtime';
import { type CheckedBundle, loadRunner } from '@nanofleet/runtime/node';
import type { Life } from './life.ts';
import type { World } from './world.ts';

/** A pool. */
export class RunnerPool {
  readonly engine = 'onnxruntime-node';
  readonly #world: World;
  readonly #loaded = new Map<string, Runner>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The model of a bundle for one process. @throws NanofleetError of loading */
  async load(life: Life, bundle: CheckedBundle): Promise<Runner> {
    const runner = await this.#world.real(life, async () => {
      const known = this.#loaded.get(bundle.digest) ?? (await loadRunner(bundle));
      this.#loaded.set(bundle.digest, known);
      return known;
    });
    if (runner.task === 'sensor-event') return runner;
    return {
      ...runner,
      decide: (text) => this.#world.real(life, () => runner.decide(text)),
      release: () => Promise.resolve(),
    };
  }

  /** Frees all. */
  async close(): Promise<void> {
    for (const runner of this.#loaded.values()) await runner.release();
  }
}
