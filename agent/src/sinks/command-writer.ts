/**
 * Programs of this machine as a sink: the label chooses one out of the list, values become arguments of their own and
 * variables. Owns what a program is told; a program that failed is not run again, for it may have done half of its work.
 */
import { NanofleetError } from '@nanofleet/protocol';
import type { ProgramRequest, RunProgram } from '../ports/programs.ts';
import { type Happening, slotsByName } from './happening.ts';
import type { SinkOf } from './sink-config.ts';
import type { SinkWriter } from './sink-writer.ts';
import { fillTemplate, type TemplatePart } from './template.ts';

/** What a writer to programs needs. */
export interface CommandWriterOptions {
  readonly config: SinkOf<'command'>;
  readonly device: string;
  readonly run: RunProgram;
}

/** Scripts find their interpreters; nothing of the agent's own environment goes along. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/** No argument or variable can hold a NUL. */
const withoutNul = (value: string): string => value.replaceAll('\0', '');

const argumentOf = (
  parts: readonly TemplatePart[],
  given: { happening: Happening; device: string },
): string => {
  const filled = fillTemplate(parts, given, withoutNul);
  const isOfValue = parts[0] !== undefined && 'name' in parts[0];
  // What somebody says must not become an option of the program.
  if (isOfValue && filled.startsWith('-'))
    throw new NanofleetError('INPUT_INVALID', 'a value that begins with - would be an option of the program');
  return filled;
};

const environmentOf = (
  happening: Happening,
  { device, config }: { device: string; config: SinkOf<'command'> },
): Record<string, string> => {
  const { id, line, label, confidence } = happening;
  const said: Record<string, string> = {};
  if (happening.type === 'event') said['NANOFLEET_PHASE'] = happening.phase;
  else {
    for (const [name, value] of Object.entries(config.slots ? slotsByName(happening.slots) : {}))
      said[`NANOFLEET_SLOT_${name.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_')}`] = withoutNul(String(value));
    if (config.text && happening.text !== null) said['NANOFLEET_TEXT'] = withoutNul(happening.text);
  }
  return {
    ...ENVIRONMENT,
    NANOFLEET_DEVICE: device,
    NANOFLEET_ID: id,
    NANOFLEET_LINE: line,
    NANOFLEET_LABEL: withoutNul(label),
    NANOFLEET_CONFIDENCE: String(confidence),
    ...said,
  };
};

/** Makes the writer of a list of commands. */
export const makeCommandWriter = ({ config, device, run }: CommandWriterOptions): SinkWriter => {
  const requestFor = (happening: Happening, signal: AbortSignal): ProgramRequest => {
    const command = Object.hasOwn(config.commands, happening.label)
      ? config.commands[happening.label]
      : undefined;
    if (command === undefined)
      throw new NanofleetError('INPUT_INVALID', `no command is listed for ${happening.label}`);
    return {
      program: command.program,
      arguments: command.arguments.map((parts) => argumentOf(parts, { happening, device })),
      environment: environmentOf(happening, { device, config }),
      outputBytesMax: config.outputBytes,
      signal,
    };
  };
  return {
    start: () => undefined,
    send: async (happening, signal) => {
      const request = requestFor(happening, signal);
      const refused = (why: string, output = ''): NanofleetError =>
        new NanofleetError('SINK_REFUSED', `${request.program} ${why}`, { facts: { output: output.trim() } });
      const { code, output } = await run(request).catch((thrown: unknown) => {
        throw refused(`cannot be started: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      });
      if (signal.aborted) throw refused(`was ended after ${config.timeoutMs} ms`, output);
      if (code !== 0)
        throw refused(code === null ? 'was ended by a signal' : `ended with code ${code}`, output);
    },
    close: () => Promise.resolve(),
  };
};
