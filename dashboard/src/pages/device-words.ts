/** States of devices and lines in words and tones. Pure. */
import type { DeviceSummary, LineReport } from '@nanofleet/protocol';
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
  refused: 'bad',
};

/** Whether somebody should look at a device. */
export const needsEyes = ({ lines, problems, status }: DeviceSummary): boolean =>
  status !== 'revoked' &&
  (problems.length > 0 || Object.values(lines).some(({ step }) => step === 'refused'));
