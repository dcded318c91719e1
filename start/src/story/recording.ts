/**
 * The pump's recording: acceleration samples of three axes with the places where the bearing fails and where it has
 * been mended. Owns the file format's reading; never judges a sample.
 */
import { readFile } from 'node:fs/promises';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';

const headerSchema = z.looseObject({
  rateHz: z.number().positive(),
  channels: z.int().min(1),
  samples: z.int().min(1),
  /** Physical value of one step of the integer scale. */
  scale: z.number().positive(),
  /** Sample at which the fault begins, and at which it is mended. */
  faultFrom: z.int().min(0),
  faultTo: z.int().min(0),
});

/** A recording in physical units, one row per sample. */
export interface Recording {
  readonly rateHz: number;
  readonly channels: number;
  readonly faultFrom: number;
  readonly faultTo: number;
  readonly samples: readonly (readonly number[])[];
}

/**
 * Reads one JSON line of header and the int16 little-endian samples behind it, interleaved by channel.
 * @throws NanofleetError SAMPLES_INVALID for a file of another form.
 */
export async function readRecording(path: string): Promise<Recording> {
  const bytes = await readFile(path);
  const end = bytes.indexOf(0x0a);
  const header = headerSchema.safeParse(parse(bytes.subarray(0, Math.max(0, end)).toString('utf8')));
  const body = bytes.subarray(end + 1);
  if (!header.success || body.length !== header.data.samples * header.data.channels * 2) {
    throw new NanofleetError('SAMPLES_INVALID', `${path} is no recording: a JSON line, then int16 samples.`);
  }
  const { rateHz, channels, scale, faultFrom, faultTo } = header.data;
  const samples = Array.from({ length: header.data.samples }, (_, row) =>
    Array.from(
      { length: channels },
      (__, channel) => body.readInt16LE((row * channels + channel) * 2) * scale,
    ),
  );
  return { rateHz, channels, faultFrom, faultTo, samples };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // The caller reports the file.
    return undefined;
  }
}
