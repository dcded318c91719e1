/** The real BlobSource: range requests to the controller, as the device. Owns the translation of its answers to errors. */
import { DEVICE_PATHS, errorOfProblem, NanofleetError, SIGNATURE_HEADER } from '@nanofleet/protocol';
import type { BlobPiece, BlobSource } from './blob-source.ts';
import { type DeviceHttp, type HttpAnswer, sendHttp } from './http-client.ts';

/** Beyond the piece asked for: a problem in JSON, or a small file that is sent whole. */
const ANSWER_BYTES_MARGIN = 65_536;

const totalOf = (answer: HttpAnswer): number => {
  const range = /\/(\d+)$/.exec(answer.headers['content-range'] ?? '');
  return range?.[1] === undefined ? answer.body.length : Number(range[1]);
};

const parseProblem = (body: Buffer): NanofleetError | null => {
  try {
    return errorOfProblem(JSON.parse(body.toString('utf8')));
  } catch {
    // Something between us and the controller answered; its status has to do.
    return null;
  }
};

const failure = (name: string, { status, body }: HttpAnswer): NanofleetError => {
  if (status === 404) return new NanofleetError('BUNDLE_FILE_MISSING', `the controller has no blob ${name}`);
  if (status === 416)
    return new NanofleetError('DIGEST_MISMATCH', `blob ${name} is shorter than its manifest states`);
  const problem = parseProblem(body);
  if (problem !== null && status < 500) return problem;
  return new NanofleetError('CONTROLLER_UNREACHABLE', `the controller answered ${status} for blob ${name}`);
};

const pieceOf = (answer: HttpAnswer, { from, length }: { from: number; length: number }): BlobPiece => {
  const totalBytes = totalOf(answer);
  const bytes = answer.status === 206 ? answer.body : answer.body.subarray(from, from + length);
  const signature = answer.headers[SIGNATURE_HEADER];
  if (typeof signature !== 'string' || signature === '') return { bytes, totalBytes };
  return { bytes, totalBytes, signature: Buffer.from(signature, 'base64') };
};

/** Blobs of a controller. */
export const makeHttpBlobSource = ({
  authorization,
  connections,
  controller,
  tls,
}: DeviceHttp): BlobSource => ({
  fetch: async (name, { from, length }) => {
    const answer = await sendHttp({
      method: 'GET',
      url: new URL(`${DEVICE_PATHS.blob}${name}`, controller).href,
      headers: { authorization, range: `bytes=${from}-${from + length - 1}` },
      tls: tls(),
      connections,
      bytesMax: length + ANSWER_BYTES_MARGIN,
    });
    if (answer.status === 206 || answer.status === 200) return pieceOf(answer, { from, length });
    throw failure(name, answer);
  },
});
