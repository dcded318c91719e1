/**
 * Owns which build of ONNX Runtime runs models: the native library or, where it has no binary (musl, armv7), its WebAssembly. Both are
 * loaded by `require`, so that they share one onnxruntime-common and with it one class of tensors: `import` would load a second one.
 * Never opens a graph (session.ts).
 */
import { createRequire } from 'node:module';
import { NanofleetError } from '@nanofleet/protocol';

type OnnxRuntime = typeof import('onnxruntime-node');

/** How packages are loaded. @throws whatever Node says of one that does not load */
export type LoadPackage = (name: string) => unknown;

/** What may be asked for: the native library where it loads, or one of the two. */
export const ENGINE_CHOICES = ['auto', 'native', 'wasm'] as const;

/** One of ENGINE_CHOICES. */
export type EngineChoice = (typeof ENGINE_CHOICES)[number];

/** What runs models. */
export interface Engine {
  readonly kind: Exclude<EngineChoice, 'auto'>;
  /** Package, and its version. */
  readonly name: 'onnxruntime-node' | 'onnxruntime-web';
  readonly version: string;
  /** Why it is not the native library, where nobody asked for another. */
  readonly instead?: string;
}

/**
 * Since 1.29 the native library of Linux tells its makers of each process, session and model, by default: it writes an
 * identifier and what waits to be sent below the home directory. This variable is its only complete refusal, read before the
 * first session; nothing that an operator sets may undo it.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';

const own: LoadPackage = createRequire(import.meta.url);

/** The constructors that both engines share. */
export const { InferenceSession, Tensor } = own('onnxruntime-common') as OnnxRuntime;

const found = new Map<EngineChoice, Engine>();

/**
 * The engine of a choice, loaded once a process.
 * @throws NanofleetError `ENGINE_MISSING`
 */
export function loadEngine(choice: EngineChoice = 'auto'): Engine {
  const engine = found.get(choice) ?? loadEngineBy(own, choice);
  found.set(choice, engine);
  return engine;
}

/** As loadEngine, with packages loaded by this way. */
export function loadEngineBy(load: LoadPackage, choice: EngineChoice): Engine {
  if (choice === 'wasm') return wasmBy(load);
  try {
    const { env } = load('onnxruntime-node') as OnnxRuntime;
    return { kind: 'native', name: 'onnxruntime-node', version: env.versions.node ?? env.versions.common };
  } catch (thrown) {
    if (choice === 'native') throw missing('onnxruntime-node', thrown);
    return { ...wasmBy(load), instead: `onnxruntime-node does not load: ${reasonOf(thrown)}` };
  }
}

function wasmBy(load: LoadPackage): Engine {
  try {
    const { env } = load('onnxruntime-web') as OnnxRuntime;
    // A nano model is too small to share, and a second thread would load the module once more.
    env.wasm.numThreads = 1;
    return { kind: 'wasm', name: 'onnxruntime-web', version: env.versions.web ?? env.versions.common };
  } catch (thrown) {
    throw missing('onnxruntime-web', thrown);
  }
}

/** In one line: engine, version and, where it is not the expected one, why. */
export function engineInWords({ instead, kind, name, version }: Engine): string {
  if (kind === 'native') return `${name} ${version}`;
  return `${name} ${version}, WebAssembly${instead === undefined ? '' : `: ${instead}`}`;
}

const missing = (name: string, cause: unknown): NanofleetError =>
  new NanofleetError(
    'ENGINE_MISSING',
    `${name} does not load on ${process.platform} ${process.arch}: ${reasonOf(cause)}. Install the agent again, or choose another with --engine.`,
    { cause },
  );

/** The first line: what follows is a list of paths. */
const reasonOf = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).split('\n', 1)[0]?.slice(0, 200) ?? '';
