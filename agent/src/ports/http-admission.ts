/**
 * Asks the controller over HTTP to let this device in at the broker, which has refused it: a broker that was set up anew
 * knows no device, and nobody but the device has its credential. Owns that one request.
 */
import { DEVICE_PATHS, NanofleetError } from '@nanofleet/protocol';
import { sendHttp } from './http-client.ts';

const ANSWER_BYTES_MAX = 65_536;

/**
 * The request of one device.
 * @param controller its address
 * @param authorization value of the Authorization header
 */
export const makeHttpAdmission =
  (controller: string, authorization: string) =>
  /** @throws NanofleetError CONTROLLER_UNREACHABLE, TOKEN_INVALID when the controller does not know the credential either */
  async (): Promise<void> => {
    const { status } = await sendHttp({
      method: 'POST',
      url: new URL(DEVICE_PATHS.admission, controller).href,
      headers: { authorization },
      bytesMax: ANSWER_BYTES_MAX,
    });
    if (status === 200) return;
    const problem = `the controller answered ${status} when it was asked to let this device in`;
    throw new NanofleetError(status < 500 ? 'TOKEN_INVALID' : 'CONTROLLER_UNREACHABLE', problem);
  };
