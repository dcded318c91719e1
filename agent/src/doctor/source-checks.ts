/**
 * What `doctor` asks of data sources: whether a broker lets this device in, and whether files are there. Takes no message.
 */

import { toNanofleetError } from '@nanofleet/protocol';
import { makeMqttTransport } from '@nanofleet/runtime/mqtt';
import { randomHex } from '@nanofleet/runtime/ports';
import { fileDisk } from '../ports/file-disk.ts';
import { makeSystemRandom } from '../ports/system-random.ts';
import { systemSourceFiles } from '../ports/system-source-files.ts';
import { makeMqttReader } from '../sources/mqtt-reader.ts';
import type { SourceConfig, SourceOf } from '../sources/source-config.ts';
import { doubtful, type Finding, fine, wrong } from './finding.ts';

const ID_BYTES = 6;

const checkBrokerOf = async (check: string, config: SourceOf<'mqtt'>): Promise<Finding> => {
  const ending = new AbortController();
  const nothing = (): Promise<void> => Promise.resolve();
  const reader = makeMqttReader({
    config,
    clientId: `nanofleet-doctor-${randomHex(makeSystemRandom(), ID_BYTES)}`,
    transport: makeMqttTransport(),
    disk: fileDisk,
  });
  try {
    const target = {
      opened: () => ending.abort(),
      put: nothing,
      offer: nothing,
      interrupt: nothing,
      drop: () => undefined,
      pause: nothing,
    };
    await reader.run(target, ending.signal);
    return fine(check, `${config.url} lets this device subscribe`);
  } catch (thrown) {
    const todo = 'Look whether the broker runs, and at url, username and passwordFile of this source.';
    return wrong(check, toNanofleetError(thrown).message, todo);
  }
};

const checkFile = (check: string, config: SourceOf<'file' | 'csv'>): Finding => {
  try {
    const file = systemSourceFiles.open(config.file);
    file?.close();
    if (file !== null) return fine(check, config.file);
    const found = `there is no file ${config.file}`;
    if (config.kind === 'file') return doubtful(check, found, 'The agent waits until it is there.');
    return wrong(check, found, 'Give another file.');
  } catch (thrown) {
    return wrong(check, toNanofleetError(thrown).message, 'Let the user of the agent read this file.');
  }
};

/** Whether one source can be read. */
export const checkSource = async (name: string, config: SourceConfig): Promise<Finding> => {
  const check = `source ${name}`;
  switch (config.kind) {
    case 'mqtt':
      return checkBrokerOf(check, config);
    case 'file':
    case 'csv':
      return checkFile(check, config);
    case 'stdin':
    case 'http':
      return fine(check, `${config.kind}, nothing to reach`);
  }
};
