// Behaviour of the manifest reader: what it takes, what it refuses and with which code.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, NanofleetError } from './errors.ts';
import {
  BUNDLE_BYTES_MAX,
  BUNDLE_FILE_BYTES_MAX,
  MANIFEST_BYTES_MAX,
  TOKENIZER_BYTES_MAX,
} from './limits/models.ts';
import {
  CODEBOOK_WIRE_FORM,
  encodeManifest,
  fileOfRole,
  formsOf,
  type ManifestDraft,
  parseManifest,
  WIRE_FORM,
  wireOf,
} from './manifest.ts';

const digest = 'a'.repeat(64);

const textDraft: Extract<ManifestDraft, { task: 'text-intent' }> = {
  format: 1,
  line: 'intent',
  version: '1.0.0',
  releaseCounter: 1,
  task: 'text-intent',
  needs: { runtimeVersion: 1, rssBytes: 1_000_000 },
  files: [
    { role: 'infer.int8', name: 'infer.int8.onnx', sha256: digest, bytes: 10 },
    { role: 'golden', name: 'golden.json', sha256: digest, bytes: 10 },
  ],
  inputs: [{ name: 'rows', shape: [null], type: 'int32', unit: 'feature row' }],
  labels: { version: 1, names: ['on', 'off'] },
  text: {
    kind: 'hashed-ngrams-1',
    buckets: 64,
    charMin: 2,
    charMax: 4,
    wordBigrams: true,
    lowerCase: true,
    rowsMax: 512,
  },
  calibration: { temperature: 1, outOfScope: { kind: 'max-logit', scale: -1, bias: 0 } },
  thresholds: { confidence: [0.5, 0.5], outOfScope: 0.5 },
  trainable: [{ name: 'head.weight', shape: [2, 8] }],
  quantization: [{ tensor: 'table', scaleTensor: 'table.scale', axis: 0, bits: 8 }],
  golden: { tolerance: 0.05 },
  quality: [{ dataset: 'made up', split: 'validation', seed: 1, accuracy: 0.9, auroc: 0.9, fpr95: 0.2 }],
  cost: { bytes: 20, microseconds: 40, rssBytes: 1_000_000 },
  license: 'Apache-2.0',
  attribution: [],
  parent: null,
};

/** A bundle that cuts texts by a tokenizer. */
const tokenizedDraft: typeof textDraft = {
  ...textDraft,
  needs: { ...textDraft.needs, runtimeVersion: 5 },
  files: [...textDraft.files, { role: 'tokenizer', name: 'tokenizer.json', sha256: digest, bytes: 10 }],
  text: {
    kind: 'tokenizer-json-1',
    tokensMax: 128,
    vocabulary: 30_522,
    attentionMask: true,
    tokenTypes: false,
  },
  trainable: [],
};

const { text: _text, ...shared } = textDraft;
const sensorDraft: Extract<ManifestDraft, { task: 'sensor-event' }> = {
  ...shared,
  task: 'sensor-event',
  sensor: {
    channels: ['x', 'y', 'z'],
    windowSamples: 256,
    hopSamples: 128,
    rateHz: 800,
    debounceWindows: 2,
    events: [{ label: 'off', start: 0.8, stop: 0.5 }],
  },
};

/** The graph with a form in which it travels. */
const travelling = (change: object) => ({
  ...textDraft.files[0],
  wire: { form: WIRE_FORM, name: 'infer.nfw', sha256: digest, bytes: 5, ...change },
});

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function refusal(bytes: Uint8Array): { code: ErrorCode | 'accepted'; message: string } {
  try {
    parseManifest(bytes);
    return { code: 'accepted', message: '' };
  } catch (thrown) {
    if (thrown instanceof NanofleetError) return { code: thrown.code, message: thrown.message };
    throw thrown;
  }
}

const outcomeOf = (bytes: Uint8Array): string => refusal(bytes).code;

describe('parseManifest', () => {
  it.each([textDraft, tokenizedDraft, sensorDraft])(
    'reads back what encodeManifest wrote, task $task',
    (draft) => {
      expect(parseManifest(encodeManifest(draft))).toEqual(draft);
    },
  );

  it('ignores fields that it does not know', () => {
    expect(parseManifest(bytesOf({ ...textDraft, colour: 'green' }))).toEqual(textDraft);
  });

  it('refuses more bytes than the limit before it reads them', () => {
    expect(refusal(new Uint8Array(MANIFEST_BYTES_MAX + 1)).code).toBe('BUNDLE_TOO_LARGE');
  });

  it('tells a format from the future from a malformed field', () => {
    expect(refusal(bytesOf({ ...textDraft, format: 2 })).code).toBe('MANIFEST_VERSION_UNKNOWN');
  });

  it.each([
    ['bytes that are not UTF-8', Uint8Array.of(0xff, 0xfe)],
    ['a byte order mark', Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d)],
    ['an empty file', new Uint8Array()],
    ['a list', bytesOf([])],
  ])('refuses %s', (_name, bytes) => {
    expect(refusal(bytes).code).toBe('MANIFEST_MALFORMED');
  });

  it('tells the form in which a file travels, unless it is one that this build does not expand', () => {
    const parsed = (change: object) =>
      parseManifest(bytesOf({ ...textDraft, files: [travelling(change), textDraft.files[1]] })).files;
    const wires = (change: object) => parsed(change).map((file) => wireOf(file)?.name);
    expect(wires({})).toEqual(['infer.nfw', undefined]);
    expect(wires({ form: 'nfw9' })).toEqual([undefined, undefined]);
    const names = formsOf(parsed({ form: 'nfw9' })).map(({ name }) => name);
    expect(names).toEqual(['infer.int8.onnx', 'infer.nfw', 'golden.json']);
  });

  it.each<[string, object]>([
    ['files.0.name', { files: [{ ...textDraft.files[0], name: '../x' }, textDraft.files[1]] }],
    ['files.0.name', { files: [{ ...textDraft.files[0], name: '.' }, textDraft.files[1]] }],
    [
      'files.0.sha256',
      { files: [{ ...textDraft.files[0], sha256: digest.toUpperCase() }, textDraft.files[1]] },
    ],
    [
      'files.0.bytes',
      { files: [{ ...textDraft.files[0], bytes: BUNDLE_FILE_BYTES_MAX + 1 }, textDraft.files[1]] },
    ],
    ['files: holds a role twice', { files: [textDraft.files[0], { ...textDraft.files[0], name: 'b' }] }],
    [
      'files: holds a name twice',
      { files: [textDraft.files[0], { ...textDraft.files[1], name: 'infer.int8.onnx' }] },
    ],
    ['files: lacks the role golden', { files: [textDraft.files[0]] }],
    [
      'files: must not list',
      { files: [textDraft.files[0], { ...textDraft.files[1], name: 'manifest.json' }] },
    ],
    [
      'files: is larger',
      { files: textDraft.files.map((file) => ({ ...file, bytes: BUNDLE_BYTES_MAX / 2 + 1 })) },
    ],
    ['files.0.wire.sha256', { files: [travelling({ sha256: 'none' }), textDraft.files[1]] }],
    ['files.0.wire.name', { files: [travelling({ name: '../x' }), textDraft.files[1]] }],
    ['files: holds a name twice', { files: [travelling({ name: 'golden.json' }), textDraft.files[1]] }],
    ['files: must not list', { files: [travelling({ name: 'manifest.sig' }), textDraft.files[1]] }],
    [
      'files: is larger',
      { files: [{ ...travelling({ bytes: BUNDLE_BYTES_MAX }), bytes: 1 }, textDraft.files[1]] },
    ],
    [
      'files: has a wire form of',
      { files: [textDraft.files[0], { ...travelling({}), role: 'golden', name: 'golden.json' }] },
    ],
    [
      'files: has a wire form that does not go with the codebooks',
      { files: [travelling({ form: CODEBOOK_WIRE_FORM }), textDraft.files[1]] },
    ],
    [
      'files: has a wire form that does not go with the codebooks',
      {
        files: [travelling({}), textDraft.files[1]],
        quantization: [{ tensor: 'a', scaleTensor: 'b', axis: 0, bits: 8, codebook: { width: 4 } }],
      },
    ],
    ['labels.names: holds a label twice', { labels: { version: 1, names: ['on', 'on'] } }],
    ['thresholds.confidence: needs one', { thresholds: { confidence: [0.5], outOfScope: 0.5 } }],
    ['releaseCounter', { releaseCounter: 0 }],
    ['releaseCounter', { releaseCounter: 1.5 }],
    ['text.charMax: is below charMin', { text: { ...textDraft.text, charMax: 1 } }],
    ['calibration.temperature', { calibration: { ...textDraft.calibration, temperature: 0 } }],
    ['task', { task: 'poetry' }],
  ])('names %s when it is wrong', (where, change) => {
    const { code, message } = refusal(bytesOf({ ...textDraft, ...change }));
    const isFileName = /^files\.\d\.(wire\.)?name$/.test(where);
    expect(code).toBe(isFileName ? 'FILE_NAME_UNSAFE' : 'MANIFEST_MALFORMED');
    expect(message).toContain(where);
  });

  it.each<[string, object]>([
    ['sensor.hopSamples: is longer', { hopSamples: 257 }],
    ['names no label', { events: [{ label: 'unknown', start: 0.5, stop: 0.5 }] }],
    ['stops above where it starts', { events: [{ label: 'off', start: 0.5, stop: 0.6 }] }],
  ])('names the sensor contradiction %s', (where, change) => {
    expect(
      refusal(bytesOf({ ...sensorDraft, sensor: { ...sensorDraft.sensor, ...change } })).message,
    ).toContain(where);
  });

  it('ends in a manifest or a registered error for any bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((json) => new TextEncoder().encode(json)),
    );
    fc.assert(
      fc.property(bytes, (any) => {
        expect(outcomeOf(any)).toMatch(/^(accepted|MANIFEST_)/);
      }),
      { seed: 1, numRuns: 600 },
    );
  });

  it('ends in a manifest or a registered error for a manifest with any one field replaced by anything', () => {
    const replaced = fc
      .tuple(fc.constantFrom(...Object.keys(textDraft)), fc.jsonValue())
      .map(([key, value]) => bytesOf({ ...textDraft, [key]: value }));
    fc.assert(
      fc.property(replaced, (bytes) => {
        expect(outcomeOf(bytes)).toMatch(/^(accepted|MANIFEST_)/);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it.each<[string, object]>([
    ['files: lacks the role tokenizer', { files: textDraft.files }],
    ['files: holds a tokenizer that nothing asks for', { text: textDraft.text }],
    [
      'files: holds a tokenizer of more than',
      { files: tokenizedDraft.files.map((file) => ({ ...file, bytes: TOKENIZER_BYTES_MAX + 1 })) },
    ],
    ['trainable: must be empty', { trainable: textDraft.trainable }],
    ['needs.runtimeVersion: is below', { needs: textDraft.needs }],
    ['entities: cannot go', { entities: { types: [{ name: 'area' }], tokensMax: 8 } }],
    ['text.tokensMax', { text: { ...tokenizedDraft.text, tokensMax: 1_000 } }],
  ])('refuses a tokenizer with %s', (problem, change) => {
    expect(() => parseManifest(bytesOf({ ...tokenizedDraft, ...change }))).toThrow(problem);
  });
});

describe('encodeManifest', () => {
  it('refuses a draft that it could not read back', () => {
    expect(() => encodeManifest({ ...textDraft, releaseCounter: -1 })).toThrow(NanofleetError);
  });
});

describe('fileOfRole', () => {
  it('finds the one file of a role and nothing for a role that is absent', () => {
    const manifest = parseManifest(encodeManifest(textDraft));
    expect(fileOfRole(manifest, 'golden')?.name).toBe('golden.json');
    expect(fileOfRole(manifest, 'prototypes')).toBeUndefined();
  });
});
