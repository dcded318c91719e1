// Owns the comparison of models as Markdown and as one HTML file that loads nothing. It never reads a file.
import type { ReportedModel } from './measured-runs.ts';
import { escaped, plot } from './plot.ts';

const COLUMNS = [
  '#',
  'model',
  'seeds',
  'accuracy',
  'AUROC',
  'travels as',
  'wire',
  'graph',
  'p50',
  'memory',
] as const;

const NOTE =
  'Accuracy and AUROC (energy against texts out of scope) on validation, means over seeds, ± half of the 95 % interval over seeds. ' +
  '"Travels as": the wire form deflated, or the bundle of runs without compression. p50: features and graph of one text, models of one run in turns. ' +
  'Memory: what a fresh process grows by. Models marked * are on the Pareto front of accuracy against bytes.';

/** The table as Markdown. */
export function markdownReport(models: readonly ReportedModel[]): string {
  const rows = models.map((model, at) => `| ${cells(model, at).join(' | ')} |`);
  return [
    `| ${COLUMNS.join(' | ')} |`,
    `|${COLUMNS.map((_, at) => (at === 1 ? '---' : '---:')).join('|')}|`,
    ...rows,
    '',
    NOTE,
    '',
  ].join('\n');
}

/** Table and plots as a page of its own. */
export function htmlReport(models: readonly ReportedModel[]): string {
  const points = (cost: (model: ReportedModel) => number): Parameters<typeof plot>[0] =>
    models.map((model, at) => ({
      name: model.name,
      number: at + 1,
      accuracy: model.accuracy,
      cost: cost(model),
    }));
  const rows = models.map(
    (model, at) =>
      `<tr${model.onFront ? ' class="best"' : ''}>${cells(model, at)
        .map((cell) => `<td>${escaped(cell)}</td>`)
        .join('')}</tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Models compared</title>
<style>${STYLE}</style></head><body><main>
<h1>Models compared</h1>
<figure><figcaption>Accuracy against bytes that travel</figcaption>${plot(
    points(({ bytes }) => bytes / 1000),
    { title: 'kilobytes', unit: 'kB' },
  )}</figure>
<figure><figcaption>Accuracy against latency</figcaption>${plot(
    points(({ microseconds }) => microseconds),
    { title: 'microseconds a text, p50', unit: 'µs' },
  )}</figure>
<p>Filled points joined by a line: the Pareto front. Numbers are rows of the table; points at the lower edge lie there or below.</p>
<div class="wide"><table><thead><tr>${COLUMNS.map((name) => `<th>${name}</th>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>
<p>${escaped(NOTE)}</p></main></body></html>
`;
}

function cells(model: ReportedModel, at: number): string[] {
  const { accuracy, interval, auroc } = model;
  return [
    String(at + 1),
    `${model.name}${model.onFront ? ' *' : ''}`,
    String(model.seeds),
    `${(accuracy * 100).toFixed(2)}${interval === null ? '' : ` ± ${(interval * 100).toFixed(2)}`} %`,
    auroc === null ? '-' : auroc.toFixed(4),
    kilobytes(model.bytes),
    kilobytes(model.wireBytes),
    kilobytes(model.graphBytes),
    `${model.microseconds.toFixed(0)} µs`,
    model.rssBytes === null ? '-' : `${(model.rssBytes / 1e6).toFixed(1)} MB`,
  ];
}

const kilobytes = (bytes: number | null): string =>
  bytes === null ? '-' : `${(bytes / 1000).toFixed(0)} kB`;

const STYLE = `
:root{color-scheme:light dark;--front:#0b62c4;--line:#8884}
@media(prefers-color-scheme:dark){:root{--front:#7ab7ff}}
body{font:15px/1.5 system-ui,sans-serif;margin:0;padding:24px}
main{max-width:1100px;margin:auto}
figure{display:inline-block;width:min(100%,540px);margin:0 0 16px;vertical-align:top}
figcaption{font-weight:600}
svg{width:100%;font-size:13px}
svg text{fill:currentColor}
.grid{stroke:var(--line)}
.front{fill:none;stroke:var(--front);stroke-width:2}
svg .best circle{fill:var(--front)}
svg .best text{font-weight:600}
svg .other circle{fill:none;stroke:currentColor;opacity:.75}
svg .other text{opacity:.75}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:4px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:nth-child(2),td:nth-child(2){text-align:left}
tr.best td{color:var(--front);font-weight:600}`;
