/**
 * What `run` goes by: `agent.yaml`, and the arguments that stand against it. Owns which of the two holds; never opens
 * anything but that file.
 */
import { ENGINE_CHOICES, type EngineChoice } from '@nanofleet/runtime/node';
import type { Disk } from '@nanofleet/runtime/ports';
import { type AgentConfig, BEAT_MS, PORT_MAX, PROBATION_MS } from '../config/agent-config.ts';
import { readAgentConfig } from '../config/read-agent-config.ts';
import { type FlagShape, type Flags, optional, optionalNumber, UsageError } from './command.ts';

/** The argument that names the file. */
export const CONFIG_FLAG: FlagShape = {
  help: 'settings (default DIR/agent.yaml, if there is one)',
  value: 'FILE',
};

/** The flag of commands that load an engine. */
export const ENGINE_FLAG: FlagShape = {
  help: 'what runs the models: auto (default: native where it loads), native, wasm',
  value: 'NAME',
};

/** The engine that is asked for; undefined when none is. @throws UsageError */
export const engineGiven = (flags: Flags): EngineChoice | undefined => {
  const given = optional(flags, 'engine');
  const choice = ENGINE_CHOICES.find((name) => name === given);
  if (given === undefined || choice !== undefined) return choice;
  throw new UsageError(`--engine takes ${ENGINE_CHOICES.join(', ')}, not ${JSON.stringify(given)}`);
};

const givenText = <K extends string>(flags: Flags, name: K): { [key in K]?: string } => {
  const value = optional(flags, name);
  return value === undefined ? {} : ({ [name]: value } as { [key in K]: string });
};

/**
 * Settings of one run; an argument stands against the file.
 * @throws NanofleetError CONFIG_INVALID, UsageError
 */
export const readRunSettings = async (disk: Disk, directory: string, flags: Flags): Promise<AgentConfig> => {
  const config = await readAgentConfig(disk, { directory, asked: optional(flags, 'config') });
  const isStdinRead = Object.values(config.sources).some(({ kind }) => kind === 'stdin');
  if (isStdinRead && flags['exit-with-stdin'] === true)
    throw new UsageError(
      'standard input cannot be a data source and the sign to end; leave out --exit-with-stdin',
    );
  const http = optionalNumber(flags, 'http', { min: 0, max: PORT_MAX });
  return {
    ...config,
    ...givenText(flags, 'bundles'),
    ...givenText(flags, 'names'),
    engine: engineGiven(flags) ?? config.engine,
    learning: config.learning && flags['no-learning'] !== true,
    explanations: config.explanations && flags['no-explanations'] !== true,
    beatMs: optionalNumber(flags, 'beat-ms', BEAT_MS) ?? config.beatMs,
    probationMs: optionalNumber(flags, 'probation-ms', PROBATION_MS) ?? config.probationMs,
    listen: { ...config.listen, ...givenText(flags, 'socket'), ...(http === undefined ? {} : { http }) },
  };
};
