/**
 * Reads `agent.yaml`: the file that --config names, or the one in the state directory when there is one. Owns where it
 * lies and that its relative paths begin at its own directory; never what may stand in it. The reader of YAML is loaded
 * only when there is a file: a device without one does not pay for it.
 */
import { dirname, join, resolve } from 'node:path';
import { CONFIG_BYTES_MAX, NanofleetError } from '@nanofleet/protocol';
import type { Disk } from '@nanofleet/runtime/ports';
import { withFilesBeside } from '../brokers/broker-config.ts';
import type { SinkConfig } from '../sinks/sink-config.ts';
import type { SourceConfig } from '../sources/source-config.ts';
import { type AgentConfig, DEFAULT_CONFIG } from './agent-config.ts';
import { type ConfigMistake, checkConfigText } from './config-mistakes.ts';

/** What a file says. */
export interface ConfigFile {
  /** The file; null when there is none, and the defaults hold. */
  readonly path: string | null;
  readonly config: AgentConfig;
  readonly mistakes: readonly ConfigMistake[];
}

/** Which file: the one asked for, or the usual one of a state directory. */
export interface ConfigPlace {
  readonly directory: string;
  /** As --config gave it. */
  readonly asked: string | undefined;
}

const sourceBeside = (source: SourceConfig, beside: (file: string) => string): SourceConfig => {
  if (source.kind === 'file' || source.kind === 'csv') return { ...source, file: beside(source.file) };
  return source.kind === 'mqtt' ? withFilesBeside(source, beside) : source;
};

const sinkBeside = (sink: SinkConfig, beside: (file: string) => string): SinkConfig =>
  sink.kind === 'command' ? sink : withFilesBeside(sink, beside);

const eachOf = <T>(named: Readonly<Record<string, T>>, made: (one: T) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(named).map(([name, one]) => [name, made(one)]));

const resolved = (config: AgentConfig, path: string): AgentConfig => {
  const beside = (file: string): string => resolve(dirname(path), file);
  const { bundles, names, listen, sources, sinks } = config;
  return {
    ...config,
    ...(bundles === undefined ? {} : { bundles: beside(bundles) }),
    ...(names === undefined ? {} : { names: beside(names) }),
    sources: eachOf(sources, (source) => sourceBeside(source, beside)),
    sinks: eachOf(sinks, (sink) => sinkBeside(sink, beside)),
    listen: listen.socket === undefined ? listen : { ...listen, socket: beside(listen.socket) },
  };
};

const textOf = (bytes: Uint8Array, path: string): string => {
  if (bytes.length > CONFIG_BYTES_MAX) {
    const problem = `${path} has ${bytes.length} bytes; at most ${CONFIG_BYTES_MAX} are read`;
    throw new NanofleetError('CONFIG_INVALID', problem, { facts: { path } });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const problem = `${path} is not text in UTF-8. Save it in UTF-8.`;
    throw new NanofleetError('CONFIG_INVALID', problem, { cause, facts: { path } });
  }
};

/**
 * Reads the file with all its mistakes.
 * @throws NanofleetError CONFIG_INVALID when the file that was asked for is missing, or holds no text
 */
export const inspectAgentConfig = async (
  disk: Disk,
  { directory, asked }: ConfigPlace,
): Promise<ConfigFile> => {
  const path = resolve(asked ?? join(directory, 'agent.yaml'));
  const bytes = disk.read(path);
  if (bytes === null && asked === undefined) return { path: null, config: DEFAULT_CONFIG, mistakes: [] };
  if (bytes === null) {
    const problem = `there is no file ${path}. Give another --config.`;
    throw new NanofleetError('CONFIG_INVALID', problem, { facts: { path } });
  }
  const { config, mistakes } = checkConfigText(textOf(bytes, path), await import('yaml'));
  return { path, config: config === null ? DEFAULT_CONFIG : resolved(config, path), mistakes };
};

/** One mistake as people read it. */
export const mistakeInWords = (path: string, { line, column, field, message }: ConfigMistake): string =>
  `${path}:${line}:${column}: ${field === '' ? '' : `${field} `}${message}`;

/**
 * Reads the file.
 * @throws NanofleetError CONFIG_INVALID naming every mistake with its line and column
 */
export const readAgentConfig = async (disk: Disk, place: ConfigPlace): Promise<AgentConfig> => {
  const { path, config, mistakes } = await inspectAgentConfig(disk, place);
  const [first] = mistakes;
  if (path === null || first === undefined) return config;
  const shown = mistakes.map((mistake) => mistakeInWords(path, mistake)).join('\n  ');
  throw new NanofleetError('CONFIG_INVALID', shown, { facts: { path, line: first.line } });
};
