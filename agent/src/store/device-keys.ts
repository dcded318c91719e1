/** The two private keys of a device, each in a file of mode 0600 that is made once. Owns where they are. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  generateSigningKey,
  generateTlsKey,
  readKeyFile,
  readSigningKey,
  writeKeyFile,
  writeSigningKey,
} from '@nanofleet/protocol/node';
import type { DeviceKeys } from '../link/tls-request.ts';

/**
 * Reads the keys in a state directory; makes those that are missing.
 * @throws NanofleetError KEY_FILE_INVALID
 */
export const provideKeys = async (directory: string): Promise<DeviceKeys> => {
  const devicePath = join(directory, 'device.key');
  const tlsPath = join(directory, 'tls.key');
  if (!existsSync(devicePath)) await writeSigningKey(devicePath, generateSigningKey());
  if (!existsSync(tlsPath)) await writeKeyFile(tlsPath, generateTlsKey());
  return { device: await readSigningKey(devicePath), tls: await readKeyFile(tlsPath, 'ec') };
};
