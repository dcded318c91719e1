/** `nanofleet-agent outbound`: everything that ever left the device, also while the agent does not run. */

import { join } from 'node:path';
import { type OutboundAnswer, type OutboundEntry, outboundAnswerSchema } from '@nanofleet/protocol';
import { silentLog } from '@nanofleet/runtime/ports';
import { fileDisk } from '../ports/file-disk.ts';
import { OutboundLog } from '../store/outbound-log.ts';
import type { Command } from './command.ts';
import { directoryOf } from './local-client.ts';

const entryInWords = (entry: OutboundEntry): string => {
  const { at, what, bytes, redacted, policy, decision, round, sink } = entry;
  const when = new Date(at).toISOString();
  if (sink !== undefined)
    return `${when}  sink ${sink}  ${bytes} bytes  as agent.yaml says  ${decision ?? ''}`;
  const kinds = Object.entries(redacted).map(([kind, count]) => `${count} ${kind}`);
  const redactedText = kinds.length === 0 ? 'nothing to redact' : `redacted ${kinds.join(', ')}`;
  const removed = what === 'update' ? 'no text' : redactedText;
  return `${when}  ${what}  ${bytes} bytes  ${removed}  policy ${policy}  ${decision ?? round ?? ''}`;
};

const inWords = ({ entries, forgotten }: OutboundAnswer): string => {
  const before =
    forgotten === 0 ? [] : [`${forgotten} older entries were forgotten at the bound of the log.`];
  const none = entries.length === 0 && forgotten === 0 ? ['Nothing has ever left this device.'] : [];
  return [...before, ...entries.map(entryInWords), ...none].join('\n');
};

/** The command. */
export const outboundCommand: Command = {
  name: 'outbound',
  summary:
    'Lists every question, update and text for a sink that ever left this device: times, sizes, ids, never content.',
  usage: '[--dir DIR]',
  flags: { dir: { help: 'state directory of the agent (default .nanofleet-agent)', value: 'DIR' } },
  run({ flags }, terminal) {
    const path = join(directoryOf(flags), 'outbound.log');
    const found = fileDisk.read(path) === null ? null : new OutboundLog(fileDisk, path, silentLog).read();
    const answer = outboundAnswerSchema.parse(found ?? { entries: [], forgotten: 0 });
    terminal.line(flags['json'] === true ? JSON.stringify(answer) : inWords(answer));
    return Promise.resolve(0);
  },
};
