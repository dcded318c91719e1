/**
 * Asks the controller over HTTP to let this device in at the broker, which has refused it: a broker that was set up anew
 * knows no device, and nobody but the device has its credential. Owns that one request.
 */
import { DEVICE_PATHS, NanofleetError } from '@nanofleet/protocol';
import { type DeviceHttp, sendHttp } from './http-client.ts';

const ANSWER_BYTES_MAX = 65_536;

/** The request of one device. */
export const makeHttpAdmission =
  ({ authorization, connections, controller, tls }: DeviceHttp) =>
  /** @throws NanofleetError CONTROLLER_UNREACHABLE, TOKEN_INVALID when the controller does not know the credential either */
  async (): Promise<void> => {
    const { status } = await sendHttp({
      method: 'POST',
      url: new URL(DEVICE_PATHS.admission, controller).href,
      headers: { authorization },
      tls: tls(),
      connections,
      bytesMax: ANSWER_BYTES_MAX,
    });
    if (status === 200) return;
    const problem = `the controller answered ${status} when it was asked to let this device in`;
    throw new NanofleetError(status < 500 ? 'TOKEN_INVALID' : 'CONTROLLER_UNREACHABLE', problem);
  };
