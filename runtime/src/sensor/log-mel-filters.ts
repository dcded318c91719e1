/**
 * Owns the sum of a power spectrum into bands that are equally wide in mel: triangles in hertz, each from the centre of the band below
 * to that of the band above, highest weight 1. Never divides by a band's width: a wide band holds more.
 */
import { assert } from '@nanofleet/protocol';

/** What decides the filters. */
export interface MelBandParameters {
  /** Samples per second. */
  readonly rateHz: number;
  /** Samples of a frame: bins are rateHz / windowSamples apart. */
  readonly windowSamples: number;
  readonly bands: number;
  /** Where the lowest triangle begins and the highest ends. */
  readonly lowHz: number;
  readonly highHz: number;
}

/** A bin lies between two neighbouring centres, so it adds to two bands and its two weights sum to 1: that is all we keep of it. */
export class MelFilters {
  readonly #firstBin: number;
  /** Of each bin from the first: the number of the lower of its two bands, counted from 1, and the upper one's weight. */
  readonly #lowerBands: Uint16Array;
  readonly #upperWeights: Float64Array;
  /** Sums by band, with one place below the first band and one above the last for what is cut off there. */
  readonly #sums: Float64Array;
  readonly #energies: Float64Array;

  constructor(parameters: MelBandParameters) {
    const { rateHz, windowSamples, bands, lowHz, highHz } = parameters;
    assert(
      bands >= 1 && lowHz >= 0 && lowHz < highHz && highHz <= rateHz / 2,
      'bands lie below half the rate',
    );
    const spacingHz = rateHz / windowSamples;
    const edges = edgesHz(parameters);
    this.#firstBin = Math.ceil(lowHz / spacingHz);
    const count = Math.floor(highHz / spacingHz) - this.#firstBin + 1;
    this.#lowerBands = new Uint16Array(Math.max(count, 0));
    this.#upperWeights = new Float64Array(this.#lowerBands.length);
    this.#sums = new Float64Array(bands + 2);
    this.#energies = this.#sums.subarray(1, -1);
    for (let at = 0; at < count; at += 1) this.#place(at, { edges, hz: (this.#firstBin + at) * spacingHz });
    assert(
      this.energies(new Float64Array(windowSamples / 2 + 1).fill(1)).every((sum) => sum > 0),
      'every band holds a bin',
    );
  }

  /** Energy of each band; `powers` are those of bins 0 to windowSamples / 2. The next call overwrites the result. */
  energies(powers: Float64Array): Float64Array {
    const sums = this.#sums.fill(0);
    for (let at = 0; at < this.#lowerBands.length; at += 1) {
      const power = powers[this.#firstBin + at] ?? 0;
      const lower = this.#lowerBands[at] ?? 0;
      const upperShare = power * (this.#upperWeights[at] ?? 0);
      sums[lower] = (sums[lower] ?? 0) + power - upperShare;
      sums[lower + 1] = (sums[lower + 1] ?? 0) + upperShare;
    }
    return this.#energies;
  }

  /** A weight is clamped because an edge that is a bin's own frequency comes back from mel a little off. */
  #place(at: number, { edges, hz }: { edges: Float64Array; hz: number }): void {
    const lower = edges.subarray(1, -1).filter((centre) => centre <= hz).length;
    const [from, to] = [edges[lower] ?? 0, edges[lower + 1] ?? 0];
    this.#lowerBands[at] = lower;
    this.#upperWeights[at] = Math.min(Math.max((hz - from) / (to - from), 0), 1);
  }
}

/** Begin of the first band, the centres of all, end of the last: equally far apart in mel. */
function edgesHz({ bands, lowHz, highHz }: MelBandParameters): Float64Array {
  const [from, to] = [melOfHz(lowHz), melOfHz(highHz)];
  return Float64Array.from({ length: bands + 2 }, (_, at) =>
    hzOfMel(from + ((to - from) * at) / (bands + 1)),
  );
}

/** The mel scale of O'Shaughnessy 1987, as in HTK; the one of Slaney's toolbox is straight up to 1 kHz. */
function melOfHz(hz: number): number {
  return 2595 * Math.log10(1 + hz / 700);
}

function hzOfMel(mel: number): number {
  return 700 * (10 ** (mel / 2595) - 1);
}
