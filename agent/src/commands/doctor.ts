/**
 * `nanofleet-agent doctor`: looks at everything that an agent needs before it runs, says what is wrong and what to do.
 * Owns the order of the checks and the exit code; changes nothing and can be run beside the agent.
 */
import { toNanofleetError } from '@nanofleet/protocol';
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
import { fileDisk } from '../ports/file-disk.ts';
import { closeHttp } from '../ports/http-client.ts';
import { systemClock } from '../ports/system-clock.ts';
import type { Identity } from '../store/identity.ts';
import { type Command, optional } from './command.ts';
import { directoryOf } from './local-client.ts';
import { CONFIG_FLAG } from './run-settings.ts';

const checkConfig = async (place: ConfigPlace): Promise<Finding[]> => {
  try {
    const { path, mistakes } = await inspectAgentConfig(fileDisk, place);
    if (path === null) return [fine('config', 'there is no agent.yaml: defaults and arguments hold')];
    if (mistakes.length === 0) return [fine('config', path)];
    return mistakes.map((mistake) => wrong('config', mistakeInWords(path, mistake), 'Mend this line.'));
  } catch (thrown) {
    return [wrong('config', toNanofleetError(thrown).message, 'Mend or give another file.')];
  }
};

const checkReach = async (identity: Identity | null): Promise<Finding[]> => {
  if (identity === null) return [checkClock(systemClock, null)];
  const [controller, broker] = await Promise.all([
    checkController(identity.controllerUrl),
    checkBroker(identity.brokerUrl),
  ]);
  closeHttp();
  return [controller.finding, broker, checkClock(systemClock, controller.unixMs)];
};

const checkAll = async (place: ConfigPlace): Promise<Finding[]> => {
  const { identity, finding } = checkIdentity(place.directory);
  return [
    ...(await checkConfig(place)),
    checkStateDirectory(place.directory),
    finding,
    ...(await checkReach(identity)),
    checkRoom(place.directory),
    checkMemory(),
    await checkEngine(),
  ];
};

/** The command. */
export const doctorCommand: Command = {
  name: 'doctor',
  summary:
    'Looks for what would keep the agent from working, and says what to do; exits with 1 when something is wrong.',
  usage: '[--dir DIR] [--config FILE]',
  flags: {
    dir: { help: 'state directory (default .nanofleet-agent)', value: 'DIR' },
    config: CONFIG_FLAG,
  },
  async run({ flags }, terminal) {
    const findings = await checkAll({ directory: directoryOf(flags), asked: optional(flags, 'config') });
    if (flags['json'] === true) terminal.line(JSON.stringify({ findings }));
    else for (const finding of findings) terminal.line(findingInWords(finding));
    return findings.some(({ state }) => state === 'wrong') ? 1 : 0;
  },
};
