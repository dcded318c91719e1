/**
 * What is answered to a question of a device. Pure. Honest about not knowing: a label is given only when a tier is
 * sure of it, otherwise the device's own decision stands.
 */
import type { ErrorCode, OffloadResponse, ScoredLabel, Uuid } from '@nanofleet/protocol';
import type { CloudAnswer } from '../cloud/cloud.service.ts';
import type { OffloadStatus } from './offload.tables.ts';

/** A final answer with the status that it gives the question. */
export interface FinalAnswer {
  readonly status: Exclude<OffloadStatus, 'waiting'>;
  readonly response: OffloadResponse;
}

/** What a tier said. */
export interface TierAnswer extends ScoredLabel {
  readonly version: string;
  readonly digest: string;
  readonly micros: number;
}

/** The answer when the mini tier was asked. */
export const answerOf = (decision: Uuid, mini: TierAnswer): FinalAnswer => {
  const isSure = mini.verdict === 'sure';
  return {
    status: isSure ? 'answered' : 'unanswered',
    response: {
      ...mini,
      digest: mini.digest as NonNullable<OffloadResponse['digest']>,
      decision,
      tier: 'mini',
      label: isSure ? mini.label : null,
    },
  };
};

/** The answer of a provider. It states no probability: it is sure of a label, or of the text being none of them. */
export const cloudAnswerOf = (decision: Uuid, said: CloudAnswer): FinalAnswer => ({
  status: 'answered',
  response: {
    decision,
    tier: 'cloud',
    label: said.label,
    confidence: said.label === null ? 0 : 1,
    outOfScope: said.label === null ? 1 : 0,
    verdict: said.label === null ? 'out-of-scope' : 'sure',
    version: said.model.slice(0, 64),
    digest: null,
    micros: said.micros,
    entities: [...said.entities],
    reply: said.reply,
    ...(said.proposed === null ? {} : { proposed: said.proposed }),
  },
});

/** What the tier before said, with the reason why the provider said nothing. */
export const withoutCloud = (
  before: FinalAnswer,
  why: { code: ErrorCode; message: string },
): FinalAnswer => ({
  status: why.code === 'OFFLOAD_EXPIRED' ? 'expired' : before.status,
  response: { ...before.response, code: why.code, message: why.message },
});

/** The answer when no tier could be asked. */
export const refusalOf = (
  decision: Uuid,
  why: { code: ErrorCode; message: string; status?: FinalAnswer['status'] },
): FinalAnswer => ({
  status: why.status ?? 'unanswered',
  response: {
    decision,
    tier: null,
    label: null,
    confidence: 0,
    outOfScope: 0,
    verdict: 'unsure',
    version: null,
    digest: null,
    micros: 0,
    code: why.code,
    message: why.message,
  },
});
