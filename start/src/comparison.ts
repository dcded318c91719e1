/**
 * This fleet against sending everything to a cloud model: calls, bytes, time to an answer. What this fleet did is
 * measured; the other column is computed from stated assumptions and the very texts of the story. Pure.
 */
import type { Ledger } from './story/ledger.ts';
import { bytesText, countText, durationText, quantile } from './units.ts';

/** Headers of one HTTPS request and its response on a kept-alive connection, TLS records included. */
const HTTP_BYTES_PER_CALL = 1_000;
/** A chat completion with one short answer: id, model, usage and the message around the label. */
const ANSWER_BYTES = 450;
/** Time to a short answer of a hosted small model over a good line; stated, not measured. */
const CLOUD_P50_MS = 500;
/** Bytes of one raw sample and channel, as int16. */
const SAMPLE_BYTES = 2;

/** What the story has used. */
export interface Usage {
  readonly ledger: Ledger;
  /** MQTT bytes of all devices, both ways. */
  readonly linkBytes: number;
  /** HTTP bytes to the devices, and the few that the operator's commands got. */
  readonly modelBytes: number;
  /** Names that a prompt has to list for the cloud model. */
  readonly labels: readonly string[];
}

type Basis = 'measured' | 'computed' | 'assumed';

/** One row: what, this fleet, all-to-cloud; each with how it is known. */
export interface ComparisonRow {
  readonly what: string;
  readonly fleet: { readonly value: number; readonly text: string; readonly basis: Basis };
  readonly cloud: { readonly value: number; readonly text: string; readonly basis: Basis };
}

/** The request body that would ask a cloud model for one text. */
const requestBytes = (textBytes: number, labels: readonly string[]): number =>
  Buffer.byteLength(
    JSON.stringify({
      model: 'a-small-cloud-model',
      messages: [
        { role: 'system', content: `Answer with one of these intents, or oos: ${labels.join(', ')}` },
        { role: 'user', content: '' },
      ],
    }),
  ) + textBytes;

/** The rows of the table. */
export function comparisonOf({ ledger, linkBytes, labels, modelBytes }: Usage): ComparisonRow[] {
  const calls = ledger.decisions.size;
  const texts = ledger.textBytes.reduce((sum, bytes) => sum + requestBytes(bytes, labels), 0);
  const samples = ledger.samples.count * ledger.samples.channels * SAMPLE_BYTES;
  const cloudBytes = texts + calls * (HTTP_BYTES_PER_CALL + ANSWER_BYTES) + samples;
  const p50 = quantile(ledger.localMicros, 0.5);
  return [
    {
      what: 'calls to a cloud model (a stand-in)',
      fleet: { value: ledger.cloudAnswers, text: countText(ledger.cloudAnswers), basis: 'measured' },
      cloud: { value: calls, text: countText(calls), basis: 'computed' },
    },
    {
      what: 'asked of the controller’s mini',
      fleet: { value: ledger.offloads.size, text: countText(ledger.offloads.size), basis: 'measured' },
      cloud: { value: 0, text: '0', basis: 'computed' },
    },
    {
      what: 'bytes of offloads, events, health',
      fleet: { value: linkBytes, text: bytesText(linkBytes), basis: 'measured' },
      cloud: { value: cloudBytes, text: bytesText(cloudBytes), basis: 'computed' },
    },
    {
      what: 'bytes of new model versions',
      fleet: { value: modelBytes, text: bytesText(modelBytes), basis: 'measured' },
      cloud: { value: 0, text: '0', basis: 'computed' },
    },
    {
      what: 'time to an answer, p50',
      fleet: { value: p50, text: durationText(p50), basis: 'measured' },
      cloud: { value: CLOUD_P50_MS * 1_000, text: durationText(CLOUD_P50_MS * 1_000), basis: 'assumed' },
    },
  ];
}

/** What the computed column stands on, in lines. */
export const assumptionsOf = ({ labels }: Usage): string[] => [
  `computed: each text as one HTTPS call with a prompt of ${labels.length} intents (its real JSON bytes, +${HTTP_BYTES_PER_CALL} bytes`,
  `of headers and TLS, +${ANSWER_BYTES} of answer), each raw sample as int16.  assumed: ${CLOUD_P50_MS} ms per call.`,
];

/** The table as aligned lines, headings first. */
export function comparisonLines(rows: readonly ComparisonRow[]): string[] {
  const cells = rows.map(({ what, fleet, cloud }) => [
    what,
    `${fleet.text} ${fleet.basis}`,
    `${cloud.text} ${cloud.basis}`,
  ]);
  const all = [['', 'this fleet', 'all to the cloud'], ...cells];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
}
