/**
 * Owns the hot path from a text to a decision: check, features, one run of the graph, scoring. Fetches only the logits; the penultimate
 * features are for learning and would cost a copy per decision.
 */
import type { Digest, TextManifest } from '@nanofleet/protocol';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { TextRunner } from '../runner.ts';
import { nothingScored, scoreLogits } from '../scoring.ts';
import { checkText } from '../text/check-text.ts';
import { TextFeatures } from '../text/text-features.ts';
import { logitsOf } from './logits.ts';

const FETCHES = ['logits'];

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
    release: () => session.release(),
  };
}
