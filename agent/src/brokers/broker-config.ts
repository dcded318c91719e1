/** What `agent.yaml` may say of a broker in the house. Owns names and defaults of its fields; never connects. */
import { z } from 'zod';

/** Fields of a source or sink that has a broker. */
export const brokerFields = {
  url: z
    .url({ protocol: /^mqtts?$/, error: 'expected mqtt://HOST:PORT or mqtts://HOST:PORT' })
    .describe('address of the broker'),
  username: z.string().min(1).optional().describe('name at the broker'),
  passwordFile: z.string().min(1).optional().describe('file with the password at the broker'),
  caFile: z.string().min(1).optional().describe('certificates that the broker may have, PEM'),
  allowPlain: z
    .boolean()
    .default(false)
    .describe(
      'whether an address without TLS may lead to another machine: passwords and data are then readable on the way',
    ),
};

const brokerSchema = z.strictObject(brokerFields);

/** How a broker is reached. */
export type BrokerConfig = z.output<typeof brokerSchema>;

/** Keys that name a file. */
const FILES = ['passwordFile', 'caFile', 'secretFile'] as const;

/** A source or sink with its files beside the file that names them. */
export const withFilesBeside = <T extends object>(config: T, beside: (file: string) => string): T => {
  const placed = { ...config };
  for (const key of FILES) {
    const file: unknown = Reflect.get(config, key);
    if (typeof file === 'string') Reflect.set(placed, key, beside(file));
  }
  return placed;
};
