// Owns `forge import`: a foreign ONNX classifier and labelled rows in, an unsigned bundle out. It never does the work itself.
import { parseArgs } from 'node:util';
import { lineIdSchema, NanofleetError } from '@nanofleet/protocol';
import { comparison } from '../import/card.ts';
import type { Imported, ImportRequest } from '../import/import-request.ts';
import { importSensor } from '../import/import-sensor.ts';
import { importText } from '../import/import-text.ts';
import { readArguments, required, wholeNumber } from './arguments.ts';
import type { Command } from './command.ts';

const HELP = `forge import MODEL.onnx --validation FILE --line LINE --license TEXT --out DIR [options]

Makes an unsigned bundle of a classifier that was trained elsewhere: of features, of sensor windows, or of texts with --tokenizer.
Dense layers become int8, and tables of words.

  MODEL.onnx         one float32 input [batch, features] or [batch, channels, samples], or int64 [batch, sequence] named input_ids,
                     attention_mask, token_type_ids; one output of logits (or a final Softmax)
  --validation FILE  CSV with a column label; the other columns are the values, channel by channel. Of texts: text and label as .tsv,
                     .csv or .jsonl; those of the label oos are of no label. It fits thresholds and judges int8
  --line LINE        model line of the bundle
  --license TEXT     license of the model, such as Apache-2.0
  --out DIR          where the bundle is written
  --labels FILE      a label a line, in the order of the outputs (default: the labels of the validation file, sorted)
  --tokenizer FILE   tokenizer.json of a model of texts
  --tokens-max N     tokens of a text that go to the model, 4 to 512 (default: what the tokenizer says, or 128)
  --channels A,B     names of the channels of windows (features take the names of their columns)
  --events A,B       labels that become events: they start at a confidence of 0.8 and stop below 0.5
  --rate HZ          samples a second (default 1)
  --hop N            samples from one window to the next (default: a whole window)
  --unit TEXT        unit of the values (default 1)
  --version TEXT     version of the bundle (default 1.0.0)
  --release N        release counter (default 1)
  --loss-max SHARE   accuracy that int8 may cost (default 0.01)
  --keep-float       keep float32
  --json             print the outcome as one JSON object

Sign and push it: nanofleet models sign DIR, nanofleet models push DIR. Nothing is written when anything is refused.`;

const listOf = (value: string | undefined): string[] =>
  (value ?? '').split(',').filter((name) => name !== '');

/** The command `import`. */
export const importCommand: Command = {
  name: 'import',
  summary: 'make a bundle of a classifier that was trained elsewhere',
  help: HELP,
  async run(args, world) {
    const { values, positionals } = readArguments(() => parsed(args));
    const made = await makeFrom(values, {
      model: required(positionals[0], 'MODEL.onnx'),
      labels: values.labels,
      validation: required(values.validation, '--validation'),
      line: lineOf(required(values.line, '--line')),
      version: values.version,
      releaseCounter: wholeNumber(values.release, '--release', 1),
      license: required(values.license, '--license'),
      keepFloat: values['keep-float'],
      lossMax: positiveNumber(values['loss-max'], '--loss-max'),
      directory: required(values.out, '--out'),
      nowMs: world.nowMs,
    });
    if (values.json) return world.out(JSON.stringify(made));
    for (const line of comparison(made.forms)) world.out(line.map((cell) => cell.padEnd(16)).join(''));
    world.out(`${made.rows} rows; labels: ${made.labels.join(', ')}`);
    world.out(`${values.out}: ${made.bytes} bytes, ${made.chosen}, digest ${made.digest}`);
  },
};

type Values = ReturnType<typeof parsed>['values'];

function makeFrom(values: Values, request: ImportRequest): Promise<Imported> {
  const { tokenizer } = values;
  if (tokenizer !== undefined) {
    const given = values['tokens-max'];
    const tokensMax = given === undefined ? undefined : wholeNumber(given, '--tokens-max', 1);
    return importText({ ...request, tokenizer, tokensMax });
  }
  return importSensor({
    ...request,
    unit: values.unit,
    rateHz: positiveNumber(values.rate, '--rate'),
    hopSamples: values.hop === undefined ? undefined : wholeNumber(values.hop, '--hop', 1),
    channels: values.channels === undefined ? undefined : listOf(values.channels),
    events: listOf(values.events),
  });
}

const parsed = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      labels: { type: 'string' },
      validation: { type: 'string' },
      line: { type: 'string' },
      version: { type: 'string', default: '1.0.0' },
      release: { type: 'string' },
      license: { type: 'string' },
      unit: { type: 'string', default: '1' },
      rate: { type: 'string', default: '1' },
      hop: { type: 'string' },
      channels: { type: 'string' },
      events: { type: 'string' },
      tokenizer: { type: 'string' },
      'tokens-max': { type: 'string' },
      'keep-float': { type: 'boolean', default: false },
      'loss-max': { type: 'string', default: '0.01' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });

function lineOf(value: string): string {
  if (lineIdSchema.safeParse(value).success) return value;
  throw new NanofleetError('SETTING_INVALID', `--line ${value} is no name of a model line. Try vibration.`);
}

function positiveNumber(value: string, name: string): number {
  const number = Number(value);
  if (number >= 0 && value.trim() !== '') return number;
  throw new NanofleetError('SETTING_INVALID', `${name} must be a number from 0, not ${value}`);
}
