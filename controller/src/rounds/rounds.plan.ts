/**
 * What a round is made of before anything runs: the label list and settings that it fixes, which devices are asked, what
 * each of them is told. Pure. Never looks at a database or a clock.
 */
import {
  type DeviceId,
  type Digest,
  type ErrorCode,
  type LineId,
  type LineReport,
  type Manifest,
  NanofleetError,
  type RoundPlan,
  type RoundSettings,
  type Update,
} from '@nanofleet/protocol';
import { elementsOfRound, HEAD_TENSORS, tensorsOfRound } from '@nanofleet/runtime';

/** A device as far as selection looks at it. */
export interface SelectableDevice {
  readonly device: DeviceId;
  readonly deviceGroup: string;
  readonly lines: Readonly<Record<string, LineReport>>;
}

/** Which of the devices that are there could take part: those of the group that run the base. */
export const eligible = (
  devices: readonly SelectableDevice[],
  wanted: { readonly line: LineId; readonly base: Digest; readonly group: string | null },
): DeviceId[] =>
  devices
    .filter(
      ({ deviceGroup, lines }) =>
        (wanted.group === null || wanted.group === deviceGroup) &&
        lines[wanted.line]?.running?.digest === wanted.base,
    )
    .map(({ device }) => device);

/** How many devices are asked so that `updatesMax` of them contribute. */
export const askedCount = ({ overSelection, updatesMax }: RoundSettings): number =>
  Math.ceil(updatesMax * overSelection);

/** Leaves room for the suffix in the 64 characters of a version. */
const VERSION_STEM_CHARACTERS = 48;

/** After a start devices come one by one; asking the first few at once would leave out the rest. */
const GATHER_MS = 1_000;

/**
 * Whether devices are asked now: as soon as there are as many as wanted, after a moment when there is a quorum.
 * @throws NanofleetError QUORUM_MISSED when the time of the round passed without one
 */
export const isReadyToSelect = (
  able: number,
  { settings, waitedMs }: { settings: RoundSettings; waitedMs: number },
): boolean => {
  if (able >= askedCount(settings)) return true;
  if (able >= settings.updatesMin) return waitedMs >= GATHER_MS;
  if (waitedMs >= settings.deadlineS * 1_000) throw tooFew(able, settings.updatesMin);
  return false;
};

/**
 * Some of the devices, each as likely as another. `draws` gives a share of 0 to 1 per device, from the caller's chance. */
export const chosenOf = (
  devices: readonly DeviceId[],
  { draws, settings }: { draws: readonly number[]; settings: RoundSettings },
): DeviceId[] =>
  devices
    .map((device, at) => ({ device, draw: draws[at] ?? 0 }))
    .sort((left, right) => left.draw - right.draw)
    .slice(0, askedCount(settings))
    .map(({ device }) => device)
    .sort();

const tooFew = (online: number, needed: number) =>
  new NanofleetError(
    'QUORUM_MISSED',
    `${online} devices are online and run the base of this round; ${needed} are needed.`,
    { facts: { online, needed } },
  );

/** What a plan is made of. */
export interface Planned {
  readonly line: LineId;
  readonly base: Digest;
  readonly labels: RoundPlan['labels'];
  readonly settings: RoundSettings;
  readonly seed: number;
  readonly startHead: Digest | null;
  readonly startBytes: number | null;
}

/** What each device of a round is told. */
export const planOf = (round: Planned): RoundPlan => {
  const { batch, clipNorm, examplesMax, examplesMin, learningRate, pull, rehearsal, steps } = round.settings;
  return {
    line: round.line,
    base: round.base,
    labels: round.labels,
    tensors: [...tensorsOfRound(round.labels.added.length)],
    examplesMin,
    examplesMax,
    steps,
    learningRate,
    clipNorm,
    noise: 0,
    masked: false,
    seed: round.seed,
    batch,
    rehearsal,
    pull,
    ...(round.startHead === null || round.startBytes === null
      ? {}
      : { start: { digest: round.startHead, bytes: round.startBytes } }),
  };
};

/** Elements of each tensor that an update of a round has, in the plan's order. */
export const elementsOf = (
  manifest: Pick<Manifest, 'labels' | 'trainable'>,
  labels: { readonly added: readonly string[] },
): number[] => {
  const classes = manifest.labels.names.length + labels.added.length;
  const [width = 0] = manifest.trainable.find(({ name }) => name === HEAD_TENSORS[0])?.shape ?? [];
  return elementsOfRound({ width, classes }, labels.added.length);
};

/** Why a decoded update does not fit its round; null when it does. */
export const updateFaultOf = (
  update: Pick<Update, 'base' | 'labelsVersion' | 'tensors'>,
  round: Pick<Planned, 'base' | 'labels'> & { readonly elements: readonly number[] },
): ErrorCode | null => {
  if (update.base !== round.base || update.labelsVersion !== round.labels.version) return 'UPDATE_BASE_WRONG';
  const fits =
    update.tensors.length === round.elements.length &&
    update.tensors.every(({ codes }, at) => codes.length === round.elements[at]);
  return fits ? null : 'UPDATE_SHAPE_WRONG';
};

const SUFFIX = /-round\.(\d+)$/;

/** Version of a candidate: that of its base with the number of rounds behind it, however many bundles lie between. */
export const candidateVersion = (base: string, turn: number): string => {
  const rounds = Number(SUFFIX.exec(base)?.[1] ?? 0);
  return `${base.replace(SUFFIX, '').slice(0, VERSION_STEM_CHARACTERS)}-round.${rounds + turn}`;
};
