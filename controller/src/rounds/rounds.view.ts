/** Rows of rounds, candidates and examples as the operator API shows them. Pure; no text of an example is among it. */
import type { Candidate, CandidateDetail, Examples, LineId, Round, RoundDetail } from '@nanofleet/protocol';
import { OUT_OF_SCOPE_LABEL, splitExamples } from '@nanofleet/runtime';
import type { KnownCandidate } from './candidates.repository.ts';
import type { MemberRow, RoundRow } from './rounds.repository.ts';

/** A round in a listing. */
export const roundView = (row: RoundRow): Round => {
  const { accepted, asked, declined, refused, updates } = row;
  const { problemCode: code, problemMessage: message } = row;
  return {
    id: row.id,
    line: row.line,
    status: row.status,
    base: row.base,
    baseVersion: row.baseVersion,
    turn: row.turn,
    labels: row.labels,
    settings: row.settings,
    createdAt: row.createdAt,
    deadlineAt: row.deadlineAt,
    finishedAt: row.finishedAt,
    counts: { asked, accepted, declined, updates, refused },
    examples: row.examples,
    updateBytes: row.updateBytes,
    averageNorm: row.averageNorm,
    accuracy: row.accuracy,
    candidate: row.candidate,
    problem: code === null ? null : { code, message: message ?? '' },
  };
};

/** A round with its devices. */
export const roundDetail = (row: RoundRow, members: readonly MemberRow[]): RoundDetail => ({
  ...roundView(row),
  devices: members.map(({ code, device, examples, state }) => ({ device, state, examples, code })),
});

/** A candidate in a listing. */
export const candidateView = (row: KnownCandidate): Candidate => {
  const { accuracy, added, bytes, createdAt, digest, isReleased, labelsVersion, line, parent, round } = row;
  const { releaseCounter, version } = row;
  return {
    digest,
    line,
    version,
    releaseCounter,
    parent,
    round,
    bytes,
    createdAt,
    labelsVersion,
    added,
    accuracy,
    isReleased,
  };
};

/** A candidate with its files. */
export const candidateDetail = (row: KnownCandidate): CandidateDetail => ({
  ...candidateView(row),
  files: row.files,
});

/** What is stored of a line's examples. */
export const examplesView = (
  line: LineId,
  rows: readonly { readonly text: string; readonly intent: string; readonly storedAt: number }[],
): Examples => {
  const { calibration, evaluation } = splitExamples(rows);
  const labels = new Set(rows.map(({ intent }) => intent));
  labels.delete(OUT_OF_SCOPE_LABEL);
  return {
    line,
    total: rows.length,
    outOfScope: rows.filter(({ intent }) => intent === OUT_OF_SCOPE_LABEL).length,
    labels: labels.size,
    evaluation: evaluation.length,
    calibration: calibration.length,
    storedAt: rows[0]?.storedAt ?? null,
  };
};
