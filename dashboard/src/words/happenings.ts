/**
 * Happenings of the timeline as sentences, and the runs of equal ones that are told as one. Pure. Parts of a sentence are
 * plain text, names to stress, or places to follow.
 */
import type { PageName, TimelineEntry, TimelineKind } from '@nanofleet/protocol';
import { digestText, shareText } from './units.ts';

/** A piece of a sentence. */
export type Piece =
  | { readonly text: string }
  | { readonly strong: string }
  | { readonly strong: string; readonly to: PageName; readonly params: Record<string, string> };

/** How a happening feels. */
export type Tone = 'good' | 'warn' | 'bad' | 'cool' | 'plain';

/** Entries that are told as one; the newest first. */
export interface Run {
  readonly first: TimelineEntry;
  readonly entries: readonly TimelineEntry[];
}

const TOGETHER_MS = 120_000;
const NAMES_SHOWN = 3;

/** Tone of each kind. */
export const TONES: Readonly<Record<TimelineKind, Tone>> = {
  'device-enrolled': 'cool',
  'device-online': 'good',
  'device-offline': 'warn',
  'device-moved': 'plain',
  'device-replaced': 'plain',
  'device-revoked': 'bad',
  'device-readmitted': 'warn',
  'device-ahead': 'plain',
  'policy-set': 'plain',
  'explanations-set': 'plain',
  'transfer-set': 'plain',
  'model-added': 'cool',
  'rollout-made': 'cool',
  'rollout-wave': 'cool',
  'rollout-phase': 'plain',
  'bundle-running': 'good',
  'bundle-refused': 'bad',
  'agent-rolled-out': 'cool',
  'agent-running': 'good',
  'agent-refused': 'bad',
  'offload-spike': 'warn',
  'round-started': 'cool',
  'round-ended': 'cool',
  'candidate-made': 'good',
  'budget-reached': 'warn',
  'token-made': 'plain',
  'token-dropped': 'plain',
  'signed-in': 'plain',
};

const likeness = ({ kind, line, digest, code, detail }: TimelineEntry): string =>
  [kind, line, digest, code, kind.startsWith('device-o') ? '' : detail].join(' ');

const isPresence = ({ kind }: TimelineEntry): boolean =>
  kind === 'device-online' || kind === 'device-offline';

/** Whether a run already says where the device of an entry was: what is older must not be told before it. */
const barred = (run: Run, entry: TimelineEntry): boolean =>
  run.entries.some(
    ({ device, kind }) => device === entry.device && (kind === entry.kind || isPresence(entry)),
  ) && likenessDiffers(run.first, entry);

const likenessDiffers = (one: TimelineEntry, other: TimelineEntry): boolean =>
  likeness(one) !== likeness(other);

/** The newer run that an entry joins: of one kind, one bundle and one moment. */
const runFor = <R extends Run>(runs: readonly R[], entry: TimelineEntry): R | undefined => {
  if (entry.device === null) return undefined;
  for (const run of [...runs].reverse()) {
    if (run.first.at - entry.at >= TOGETHER_MS || barred(run, entry)) return undefined;
    if (!likenessDiffers(run.first, entry)) return run;
  }
  return undefined;
};

/** What happened to several devices within a moment is told once, at the place of the newest. */
export const runsOf = (entries: readonly TimelineEntry[]): Run[] => {
  const runs: { first: TimelineEntry; entries: TimelineEntry[] }[] = [];
  for (const entry of entries) {
    const run = runFor(runs, entry);
    if (run === undefined) runs.push({ first: entry, entries: [entry] });
    else run.entries.push(entry);
  }
  return runs;
};

const devicePieces = (run: Run): Piece[] => {
  const names = [...new Set(run.entries.flatMap(({ device }) => (device === null ? [] : [device])))].sort();
  const shown = names.slice(0, NAMES_SHOWN);
  const rest = names.length - shown.length;
  return shown.flatMap((device, at): Piece[] => {
    const isLast = at === shown.length - 1;
    const joint = at === 0 ? '' : isLast && rest === 0 ? ' and ' : ', ';
    const name: Piece = { strong: device, to: 'device', params: { device } };
    const more = isLast && rest > 0 ? [{ text: ` and ${rest} more` }] : [];
    return [...(joint === '' ? [] : [{ text: joint }]), name, ...more];
  });
};

const bundlePiece = ({ line, detail, digest }: TimelineEntry): Piece => {
  const strong = `${line ?? 'bundle'} ${detail ?? digestText(digest ?? '')}`;
  return digest === null ? { strong } : { strong, to: 'model', params: { digest } };
};

const rolloutPieces = ({ line, detail, subject }: TimelineEntry): Piece[] => {
  const [version = '', target = ''] = (detail ?? '').split(' to ');
  const strong = `${line ?? ''} ${version}`;
  const known: Piece = subject === null ? { strong } : { strong, to: 'rollout', params: { id: subject } };
  return [{ text: 'Rollout of ' }, known, { text: ` to ${target === 'all' ? 'all devices' : target}` }];
};

/** The version, then where the rollout is. */
const coursePieces = ({ line, detail, subject }: TimelineEntry): Piece[] => {
  const [version = '', ...rest] = (detail ?? '').split(' ');
  const strong = `${line ?? ''} ${version}`;
  const known: Piece = subject === null ? { strong } : { strong, to: 'rollout', params: { id: subject } };
  return [{ text: 'Rollout of ' }, known, { text: ` is ${rest.join(' ')}` }];
};

const roundPiece = ({ subject }: TimelineEntry, strong: string): Piece =>
  subject === null ? { strong } : { strong, to: 'round', params: { id: subject } };

type Teller = (run: Run) => Piece[];
const text = (words: string): Piece => ({ text: words });
const deviceDid =
  (words: string): Teller =>
  (run) => [...devicePieces(run), text(` ${words}`)];

const TELLERS: Readonly<Record<TimelineKind, Teller>> = {
  'device-enrolled': (run) => [...devicePieces(run), text(' enrolled')],
  'device-online': deviceDid('connected'),
  'device-offline': deviceDid('went offline'),
  'device-replaced': (run) => [...devicePieces(run), text(' went on with new hardware')],
  'device-moved': (run) => [...devicePieces(run), text(` moved to ${run.first.group ?? 'another group'}`)],
  'device-revoked': (run) => [...devicePieces(run), text(' lost all rights')],
  'device-readmitted': deviceDid('came back, which the restored backup did not know'),
  'device-ahead': deviceDid('kept a release that is newer than the restored backup'),
  'policy-set': ({ first }) => [
    text('Texts of '),
    { strong: first.group ?? '' },
    text(first.detail === 'none' ? ' stay on their devices' : ` may travel to ${first.detail ?? ''}`),
  ],
  'transfer-set': ({ first }) => [
    text('Devices of '),
    { strong: first.group ?? '' },
    text(` fetch ${first.detail ?? ''}`),
  ],
  'explanations-set': ({ first }) => [
    text('Devices of '),
    { strong: first.group ?? '' },
    text(first.detail === 'local' ? ' may explain decisions to programs on them' : ' explain no decisions'),
  ],
  'model-added': ({ first }) => [bundlePiece(first), text(' came into the registry')],
  'rollout-made': ({ first }) => rolloutPieces(first),
  'rollout-wave': ({ first }) => coursePieces(first),
  'rollout-phase': ({ first }) => coursePieces(first),
  'bundle-running': (run) => [
    ...devicePieces(run),
    text(run.entries.length > 1 ? ' run ' : ' runs '),
    bundlePiece(run.first),
  ],
  'bundle-refused': (run) => [
    ...devicePieces(run),
    text(` refused a bundle of ${run.first.line ?? 'a line'}: `),
    { strong: run.first.code ?? 'no code' },
  ],
  'agent-rolled-out': ({ first }) => [
    text('Rollout of '),
    { strong: `agent ${first.detail ?? ''}` },
    text(` to ${first.group ?? 'all devices'}`),
  ],
  'agent-running': (run) => [
    ...devicePieces(run),
    text(run.entries.length > 1 ? ' run ' : ' runs '),
    { strong: `agent ${run.first.detail ?? ''}` },
  ],
  'agent-refused': (run) => [
    ...devicePieces(run),
    text(' stayed with the agent before: '),
    { strong: run.first.code ?? 'no code' },
  ],
  'offload-spike': ({ first }) => [
    text('The share of decisions that were sent on leapt to '),
    { strong: shareText(first.figures['share'] ?? 0) },
    text(` from ${shareText(first.figures['usual'] ?? 0)}`),
  ],
  'round-started': ({ first }) => [roundPiece(first, 'A round'), text(` of ${first.line ?? 'a line'} began`)],
  'round-ended': ({ first }) => [
    roundPiece(first, 'A round'),
    text(` of ${first.line ?? 'a line'} ended: ${first.detail ?? 'done'}`),
  ],
  'candidate-made': ({ first }) => [
    roundPiece(first, 'A candidate'),
    text(` of ${first.line ?? 'a line'} waits for the publisher's signature`),
  ],
  'budget-reached': ({ first }) => [text(first.detail ?? 'A budget is used up')],
  'token-made': ({ first }) => [text('A token was made: '), { strong: first.detail ?? '' }],
  'token-dropped': () => [text('A token was made useless')],
  'signed-in': ({ first }) => [{ strong: first.detail ?? 'Somebody' }, text(' signed in')],
};

/** A run as a sentence. */
export const sentenceOf = (run: Run): Piece[] => TELLERS[run.first.kind](run);

/** What is said below a sentence; null when there is nothing to add. */
export const detailOf = ({ first, entries }: Run): string | null => {
  if (first.kind === 'bundle-refused' || first.kind === 'agent-refused') return first.detail;
  if (first.kind === 'device-offline' && first.detail === 'lost') return 'the connection was lost';
  if (first.kind === 'device-enrolled' && entries.length === 1) return `into ${first.group ?? ''}`;
  return null;
};
