/**
 * `nanofleet-agent doctor`: looks at everything that an agent needs before it runs, says what is wrong and what to do.
 * Owns the order of the checks and the exit code; changes nothing and can be run beside the agent.
 */
import { toNanofleetError } from '@nanofleet/protocol';
import type { EngineChoice } from '@nanofleet/runtime/node';
import type { TlsIdentity } from '@nanofleet/runtime/ports';
import type { AgentConfig } from '../config/agent-config.ts';
import { type ConfigPlace, inspectAgentConfig, mistakeInWords } from '../config/read-agent-config.ts';
import {
  checkEngine,
  checkIdentity,
  checkMemory,
  checkRoom,
  checkStateDirectory,
} from '../doctor/device-checks.ts';
import { type Finding, findingInWords, fine, wrong } from '../doctor/finding.ts';
import { checkBroker, checkClock, checkController } from '../doctor/reach-checks.ts';
import { checkSink } from '../doctor/sink-checks.ts';
import { checkSource } from '../doctor/source-checks.ts';
import { fileDisk } from '../ports/file-disk.ts';
import { closeHttp } from '../ports/http-client.ts';
import { systemClock } from '../ports/system-clock.ts';
import { believedBy, findCertificate } from '../store/device-certificate.ts';
import type { Identity } from '../store/identity.ts';
import { type Command, optional } from './command.ts';
import { directoryOf } from './local-client.ts';
import { CONFIG_FLAG, ENGINE_FLAG, engineGiven } from './run-settings.ts';

const checkConfig = async (
  place: ConfigPlace,
): Promise<{ found: Finding[] } & Pick<AgentConfig, 'engine' | 'sources' | 'sinks'>> => {
  try {
    const { path, config, mistakes } = await inspectAgentConfig(fileDisk, place);
    const { engine, sources, sinks } = config;
    if (path === null)
      return {
        found: [fine('config', 'there is no agent.yaml: defaults and arguments hold')],
        engine,
        sources,
        sinks,
      };
    if (mistakes.length === 0) return { found: [fine('config', path)], engine, sources, sinks };
    const found = mistakes.map((mistake) =>
      wrong('config', mistakeInWords(path, mistake), 'Mend this line.'),
    );
    return { found, engine, sources: {}, sinks: {} };
  } catch (thrown) {
    const found = [wrong('config', toNanofleetError(thrown).message, 'Mend or give another file.')];
    return { found, engine: 'auto', sources: {}, sinks: {} };
  }
};

/** Whom the device believes since its enrolment; null: whom its system believes. */
const believedIn = (directory: string): { tls: TlsIdentity | null; found: Finding[] } => {
  try {
    const kept = findCertificate(fileDisk, directory);
    return { tls: kept === null ? null : believedBy(kept), found: [] };
  } catch (thrown) {
    const { message } = toNanofleetError(thrown);
    return { tls: null, found: [wrong('certificate', message, 'Restore the file, or enrol again.')] };
  }
};

const checkReach = async (identity: Identity | null, directory: string): Promise<Finding[]> => {
  if (identity === null) return [checkClock(systemClock, null)];
  const { found, tls } = believedIn(directory);
  const [controller, broker] = await Promise.all([
    checkController(identity.controllerUrl, tls),
    checkBroker(identity.brokerUrl, tls),
  ]);
  closeHttp();
  return [...found, controller.finding, broker, checkClock(systemClock, controller.unixMs)];
};

const checkAll = async (place: ConfigPlace, asked: EngineChoice | undefined): Promise<Finding[]> => {
  const { identity, finding } = checkIdentity(place.directory);
  const { found, engine, sources, sinks } = await checkConfig(place);
  return [
    ...found,
    checkStateDirectory(place.directory),
    finding,
    ...(await checkReach(identity, place.directory)),
    checkRoom(place.directory),
    checkMemory(),
    await checkEngine(asked ?? engine),
    ...(await Promise.all(Object.entries(sources).map(([name, source]) => checkSource(name, source)))),
    ...(await Promise.all(Object.entries(sinks).map(([name, sink]) => checkSink(name, sink)))),
  ];
};

/** The command. */
export const doctorCommand: Command = {
  name: 'doctor',
  summary:
    'Looks for what would keep the agent from working, and says what to do; exits with 1 when something is wrong.',
  usage: '[--dir DIR] [--config FILE] [--engine NAME]',
  flags: {
    dir: { help: 'state directory (default .nanofleet-agent)', value: 'DIR' },
    config: CONFIG_FLAG,
    engine: ENGINE_FLAG,
  },
  async run({ flags }, terminal) {
    const place = { directory: directoryOf(flags), asked: optional(flags, 'config') };
    const findings = await checkAll(place, engineGiven(flags));
    if (flags['json'] === true) terminal.line(JSON.stringify({ findings }));
    else for (const finding of findings) terminal.line(findingInWords(finding));
    return findings.some(({ state }) => state === 'wrong') ? 1 : 0;
  },
};
