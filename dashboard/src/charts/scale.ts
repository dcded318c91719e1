/** Scales of charts: round ticks, positions, outlines with gaps. Pure. */

/** Values of one curve; null where nothing is known. */
export type Values = readonly (number | null)[];

const STEPS = [1, 2, 2.5, 5, 10];

/** Round numbers from 0 to at least `most`, about `wanted` of them. */
export const ticksTo = (most: number, wanted: number): number[] => {
  if (!(most > 0)) return [0, 1];
  const rough = most / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (STEPS.find((candidate) => candidate * power >= rough) ?? 10) * power;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, at) => at * step);
};

const TIME_STEPS_MS = [
  10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 10_800_000, 21_600_000,
  43_200_000, 86_400_000,
];

/** Text of a tick: no zeros that say nothing (`75.0` is `75`). */
export const tickText = (text: string): string =>
  text.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '');

/** Round moments within a span, at most `most` of them. */
export const timeTicks = (from: number, to: number, most: number): number[] => {
  const step = TIME_STEPS_MS.find((candidate) => (to - from) / candidate <= most) ?? 604_800_000;
  const first = Math.ceil(from / step) * step;
  return Array.from(
    { length: Math.max(0, Math.floor((to - first) / step) + 1) },
    (_, at) => first + at * step,
  );
};

/** Puts values of one range onto pixels of another. */
export const scaleOf =
  (from: readonly [number, number], to: readonly [number, number]) =>
  (value: number): number => {
    const span = from[1] - from[0];
    return span === 0 ? to[0] : to[0] + ((value - from[0]) / span) * (to[1] - to[0]);
  };

/** Runs of neighbours that are known: a gap is not drawn over. */
export const runsOfKnown = (values: Values): { readonly at: number; readonly value: number }[][] => {
  const runs: { at: number; value: number }[][] = [];
  let isOpen = false;
  for (const [at, value] of values.entries()) {
    if (value === null) {
      isOpen = false;
      continue;
    }
    if (!isOpen) runs.push([]);
    isOpen = true;
    runs.at(-1)?.push({ at, value });
  }
  return runs;
};

const fixed = (value: number): string => value.toFixed(1);

/** Outline of the runs, as the `d` of a path. */
export const lineOf = (
  values: Values,
  place: { readonly x: (at: number) => number; readonly y: (value: number) => number },
): string =>
  runsOfKnown(values)
    .map((run) =>
      run
        .map(
          ({ at, value }, index) =>
            `${index === 0 ? 'M' : 'L'}${fixed(place.x(at))} ${fixed(place.y(value))}`,
        )
        .join(''),
    )
    .join('');

/** Surface between the runs and a base line. */
export const areaOf = (
  values: Values,
  place: { readonly x: (at: number) => number; readonly y: (value: number) => number; readonly base: number },
): string =>
  runsOfKnown(values)
    .map((run) => {
      const first = run[0];
      const last = run.at(-1);
      if (first === undefined || last === undefined) return '';
      const top = run.map(({ at, value }) => `L${fixed(place.x(at))} ${fixed(place.y(value))}`).join('');
      return `M${fixed(place.x(first.at))} ${fixed(place.base)}${top}L${fixed(place.x(last.at))} ${fixed(place.base)}Z`;
    })
    .join('');
