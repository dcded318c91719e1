// Owns a plot of accuracy against a cost as an SVG that takes its colours from the page (currentColor, --front, --other).
// It never reads a file.
import { isOnFront } from './measured-runs.ts';

/** One point. */
export interface PlotPoint {
  readonly name: string;
  /** Number of its row in the table. */
  readonly number: number;
  /** 0..1 */
  readonly accuracy: number;
  readonly cost: number;
}

const SIZE = { width: 720, height: 400, left: 58, right: 22, top: 16, bottom: 46 };
const TICKS = 5;

/** Accuracy upwards, cost to the right (both axes linear, logarithmic cost where it spans more than 4 to 1); the front is joined by a line. */
export function plot(
  points: readonly PlotPoint[],
  axis: { readonly title: string; readonly unit: string },
): string {
  const frame = frameOf(points);
  const front = points
    .filter((point) => isOnFront(point, points, 'cost'))
    .toSorted((a, b) => a.cost - b.cost);
  const line = front.map(({ cost, accuracy }) => `${frame.x(cost)},${frame.y(accuracy)}`).join(' ');
  return [
    `<svg viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="Accuracy against ${axis.title}">`,
    ...gridLines(frame, axis.unit),
    `<text x="${SIZE.width - SIZE.right}" y="${SIZE.height - 8}" text-anchor="end">${axis.title}</text>`,
    `<polyline class="front" points="${line}"/>`,
    ...points.map((point) => marker(point, frame, front.includes(point))),
    '</svg>',
  ].join('\n');
}

interface Frame {
  readonly x: (cost: number) => number;
  readonly y: (accuracy: number) => number;
  readonly costs: readonly number[];
  readonly accuracies: readonly number[];
}

function frameOf(points: readonly PlotPoint[]): Frame {
  const costs = points.map(({ cost }) => cost);
  const [least, most] = [Math.min(...costs), Math.max(...costs)];
  const isLogarithmic = most > 4 * least;
  const scaled = isLogarithmic ? Math.log : (value: number): number => value;
  const unscaled = isLogarithmic ? Math.exp : scaled;
  const margin = (scaled(most) - scaled(least)) * 0.05 || 1;
  const [from, to] = [scaled(least) - margin, scaled(most) + margin];
  const accuracies = points.map(({ accuracy }) => accuracy);
  // Models far below the rest would press the others into one line: the axis ends eight points under the best.
  const best = Math.max(...accuracies);
  const low = Math.max(Math.min(...accuracies), best - 0.08) - 0.003;
  const high = best + 0.003;
  const place = (share: number, start: number, length: number): number =>
    Math.round((start + share * length) * 10) / 10;
  const [across, down] = [SIZE.width - SIZE.left - SIZE.right, SIZE.height - SIZE.top - SIZE.bottom];
  const steps = Array.from({ length: TICKS }, (_, at) => (at + 0.25) / (TICKS - 0.5));
  return {
    x: (cost) => place((scaled(cost) - from) / (to - from), SIZE.left, across),
    y: (accuracy) => place(Math.min(1, (high - accuracy) / (high - low)), SIZE.top, down),
    costs: steps.map((share) => unscaled(from + share * (to - from))),
    accuracies: steps.map((share) => low + share * (high - low)),
  };
}

function gridLines({ x, y, costs, accuracies }: Frame, unit: string): string[] {
  const bottom = SIZE.height - SIZE.bottom;
  return [
    ...accuracies.map(
      (value) =>
        `<path class="grid" d="M${SIZE.left} ${y(value)}H${SIZE.width - SIZE.right}"/><text x="${SIZE.left - 6}" y="${y(value) + 4}" text-anchor="end">${(value * 100).toFixed(1)} %</text>`,
    ),
    ...costs.map(
      (value) =>
        `<path class="grid" d="M${x(value)} ${SIZE.top}V${bottom}"/><text x="${x(value)}" y="${bottom + 18}" text-anchor="middle">${tick(value)} ${unit}</text>`,
    ),
  ];
}

function marker({ name, number, accuracy, cost }: PlotPoint, { x, y }: Frame, isFront: boolean): string {
  const label = `${name}: ${(accuracy * 100).toFixed(2)} %`;
  const at = `cx="${x(cost)}" cy="${y(accuracy)}"`;
  return `<g class="${isFront ? 'best' : 'other'}"><title>${escaped(label)}</title><circle ${at} r="${isFront ? 5.5 : 4}"/><text x="${x(cost) + 8}" y="${y(accuracy) - 6}">${number}</text></g>`;
}

/** Text as HTML and SVG take it. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Three digits that count, grouped: "1,890", "38.2". */
const tick = (value: number): string =>
  new Intl.NumberFormat('en', { maximumSignificantDigits: 3 }).format(value);
