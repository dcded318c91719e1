/** States of devices and lines, and what holds for a group, in words and tones. Pure. */
import type { DeviceSummary, ExplanationPolicy, LineReport, OffloadPolicy } from '@nanofleet/protocol';
import type { Tone } from '../words/happenings.ts';

/** How a device stands. */
export const STATUS_TONES: Readonly<Record<DeviceSummary['status'], Tone>> = {
  online: 'good',
  offline: 'warn',
  revoked: 'bad',
  'never-seen': 'plain',
};

/** How a line stands against what is desired. */
export const STEP_TONES: Readonly<Record<LineReport['step'], Tone>> = {
  settled: 'good',
  fetching: 'cool',
  verifying: 'cool',
  staging: 'cool',
  accepting: 'cool',
  probation: 'cool',
  refused: 'bad',
};

/** How far the texts of a group may travel. */
export const OFFLOAD_WORDS: Readonly<Record<OffloadPolicy | 'unknown', string>> = {
  none: 'stay on the device',
  mini: 'may travel to the controller',
  cloud: 'may travel on to a provider',
  unknown: '–',
};

/** Whether devices of a group explain their decisions. */
export const EXPLANATION_WORDS: Readonly<Record<ExplanationPolicy | 'unknown', string>> = {
  never: 'none',
  local: 'to programs on the device',
  unknown: '–',
};

/** Whether somebody should look at a device. */
export const needsEyes = ({ lines, problems, status }: DeviceSummary): boolean =>
  status !== 'revoked' &&
  (problems.length > 0 || Object.values(lines).some(({ step }) => step === 'refused'));
