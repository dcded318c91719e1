/** What is noted when a round has ended: how, and the candidate that it made. Pure. */
import type { Digest, ErrorCode, LineId, RoundStatus, Uuid } from '@nanofleet/protocol';
import type { Happening } from './timeline.service.ts';

/** The round as the timeline sees it. */
export interface EndedRound {
  readonly id: Uuid;
  readonly line: LineId;
  readonly status: RoundStatus;
  readonly updates: number;
  readonly candidate: Digest | null;
  readonly problemCode: ErrorCode | null;
  readonly problemMessage: string | null;
}

/** The happenings of an end; told again they are the same. */
export const endHappenings = (round: EndedRound): Happening[] => {
  const { candidate, id, line, problemCode, problemMessage, status, updates } = round;
  const about = { key: id, subject: id, line };
  const detail = problemMessage ?? (status === 'candidate' ? `${updates} updates` : status);
  const ended: Happening = {
    ...about,
    kind: 'round-ended',
    detail,
    figures: { updates },
    ...(problemCode === null ? {} : { code: problemCode }),
  };
  return candidate === null ? [ended] : [ended, { ...about, kind: 'candidate-made', digest: candidate }];
};
