/**
 * Where everything lies: the state directory of a start, and the programs and bundles of the clone. Owns paths; reads
 * and writes nothing but the small file that remembers ports.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SOCKET_PATH_BYTES_MAX } from '@nanofleet/protocol';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const firstOf = (...paths: [string, ...string[]]): string => paths.find(existsSync) ?? paths[0];

/** Files of the clone. */
export const CLONE = {
  controller: join(ROOT, 'controller', 'dist', 'main.js'),
  cli: join(ROOT, 'cli', 'dist', 'main.js'),
  forge: join(ROOT, 'forge', 'dist', 'main.js'),
  dashboardBuild: join(ROOT, 'scripts', 'build-dashboard.mjs'),
  utterances: join(ROOT, 'start', 'story', 'utterances.jsonl'),
  recording: join(ROOT, 'start', 'story', 'pump.recording'),
  corpus: join(ROOT, 'corpus'),
  bundles: join(ROOT, 'bundles'),
  /** One file beside onnxruntime when it was made; it starts faster than the compiled modules. */
  get agent(): string {
    return firstOf(
      join(ROOT, 'agent', 'dist', 'bundle', 'nanofleet-agent.mjs'),
      join(ROOT, 'agent', 'dist', 'main.js'),
    );
  },
} as const;

/** The state directory of one start. */
export class Layout {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Ports of the first start, which enrolled devices remember. */
  get settings(): string {
    return join(this.directory, 'start.json');
  }
  /** Which process is what, for as long as it runs. */
  get processes(): string {
    return join(this.directory, 'processes.json');
  }
  /** Profile and key of the publisher: the CLI's alone. */
  get publisher(): string {
    return join(this.directory, 'publisher');
  }
  get publisherKey(): string {
    return join(this.publisher, 'publisher.key');
  }
  /** A signed copy of a bundle of the clone. */
  bundle(name: string): string {
    return join(this.publisher, 'bundles', name);
  }
  /** Signed bundles that an installer would put onto a device. */
  get shipped(): string {
    return join(this.directory, 'shipped');
  }
  get controller(): string {
    return join(this.directory, 'controller');
  }
  /** What the controller gets of the publisher. */
  get publicKey(): string {
    return join(this.controller, 'publisher.pub');
  }
  /** What the controller is told of its provider. */
  get provider(): string {
    return join(this.directory, 'provider');
  }
  get adminToken(): string {
    return join(this.directory, 'admin-token');
  }
  agent(device: string): string {
    return join(this.directory, 'agents', device);
  }
  /** Addresses with which a device was enrolled. */
  enrolled(device: string): string {
    return join(this.directory, 'agents', `${device}.enrolled`);
  }
  log(name: string): string {
    return join(this.directory, 'logs', `${name}.log`);
  }

  /** Socket of an agent; null when the directory lies too deep for a socket address. */
  socket(device: string): string | null {
    const path = join(this.agent(device), 'agent.sock');
    return Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX ? path : null;
  }
}
