/** Reads the bytes of a manifest, of a model's or of the agent's, as JSON of a bounded size. Never judges what it says. */
import { NanofleetError } from './errors.ts';
import { MANIFEST_BYTES_MAX } from './limits/models.ts';

/** The value in the bytes; @throws NanofleetError BUNDLE_TOO_LARGE, MANIFEST_MALFORMED */
export const readManifestJson = (bytes: Uint8Array): unknown => {
  if (bytes.byteLength > MANIFEST_BYTES_MAX) {
    const problem = `The manifest has ${bytes.byteLength} bytes; at most ${MANIFEST_BYTES_MAX} are allowed.`;
    throw new NanofleetError('BUNDLE_TOO_LARGE', problem);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw new NanofleetError('MANIFEST_MALFORMED', 'The manifest was refused: it is not JSON in UTF-8.', {
      cause,
    });
  }
};
