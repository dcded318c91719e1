/**
 * Asks the controller for the next certificate, without showing the last one: that may have run out. The device's own key
 * over a nonce of the controller says who asks. Owns these two requests.
 */
import {
  DEVICE_PATHS,
  errorOfProblem,
  NanofleetError,
  nonceAnswerSchema,
  type TlsGrant,
  tlsGrantSchema,
} from '@nanofleet/protocol';
import type { TlsIdentity } from '@nanofleet/runtime/ports';
import type { z } from 'zod';
import { type DeviceKeys, tlsRequestOf } from '../link/tls-request.ts';
import { sendHttp } from './http-client.ts';

const ANSWER_BYTES_MAX = 65_536;

/** Asks for a certificate; `ca` is whom the device believes, `certificate` its last one, PEM. @throws NanofleetError of the controller, or CONTROLLER_UNREACHABLE */
export type AskCertificate = (given: Pick<TlsIdentity, 'ca'> & { certificate: string }) => Promise<TlsGrant>;

/** The requests of one device. */
export const makeHttpRenewal =
  ({ controller, device, keys }: { controller: string; device: string; keys: DeviceKeys }): AskCertificate =>
  async ({ ca, certificate }) => {
    const ask = async <S extends z.ZodType>(path: string, body: object, schema: S): Promise<z.output<S>> => {
      const { body: bytes, status } = await sendHttp({
        method: 'POST',
        url: new URL(path, controller).href,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        tls: ca === undefined ? {} : { ca },
        bytesMax: ANSWER_BYTES_MAX,
      });
      const answer = parseJson(bytes.toString('utf8'));
      const parsed = schema.safeParse(answer);
      if (status < 300 && parsed.success) return parsed.data;
      const problem = `the controller answered ${status} when it was asked for a certificate`;
      throw errorOfProblem(answer) ?? new NanofleetError('CONTROLLER_UNREACHABLE', problem);
    };
    const { nonce } = await ask(DEVICE_PATHS.nonce, {}, nonceAnswerSchema);
    // A controller that was restored from an older backup knows this device by these alone.
    const publicKey = Buffer.from(keys.device.publicKey).toString('base64');
    const request = { device, nonce, tls: tlsRequestOf(keys, nonce), evidence: { publicKey, certificate } };
    return ask(DEVICE_PATHS.certificate, request, tlsGrantSchema);
  };

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // Something between us and the controller answered; its status has to do.
    return null;
  }
};
