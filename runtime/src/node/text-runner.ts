/**
 * Owns the hot path from a text to a decision: check, features, one run of the graph, scoring. Deciding fetches only the logits; the
 * penultimate features are for learning and would cost a copy per decision.
 */
import { type Digest, NanofleetError, type TextManifest } from '@nanofleet/protocol';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { TextRunner } from '../runner.ts';
import { nothingScored, scoreLogits } from '../scoring.ts';
import { checkText } from '../text/check-text.ts';
import { TextFeatures } from '../text/text-features.ts';
import { logitsOf } from './logits.ts';

const FETCHES = ['logits'];
const LEARNING_FETCHES = ['penultimate'];

/** A text runner over an open session, which it owns from then on. */
export function openTextRunner(options: {
  session: InferenceSession;
  manifest: TextManifest;
  digest: Digest;
}): TextRunner {
  const { session, manifest, digest } = options;
  const features = new TextFeatures(manifest.text);
  const labels = manifest.labels.names;
  const scoring = { calibration: manifest.calibration, thresholds: manifest.thresholds, labels };
  return {
    task: 'text-intent',
    line: manifest.line,
    version: manifest.version,
    releaseCounter: manifest.releaseCounter,
    digest,
    labels,
    manifest,
    async decide(text) {
      checkText(text);
      const { rows, tokens } = features.of(text);
      const outputs = await session.run({ rows: new Tensor('int32', rows, [rows.length]) }, FETCHES);
      const logits = logitsOf(outputs, labels.length);
      return tokens === 0 ? nothingScored(logits, scoring) : scoreLogits(logits, scoring);
    },
    async penultimate(text) {
      checkText(text);
      const { rows } = features.of(text);
      const outputs = await session.run({ rows: new Tensor('int32', rows, [rows.length]) }, LEARNING_FETCHES);
      const values = outputs['penultimate']?.data;
      if (values instanceof Float32Array) return values.slice();
      throw new NanofleetError('MODEL_LOAD_FAILED', 'The graph gives no penultimate features as float32.');
    },
    release: () => session.release(),
  };
}
