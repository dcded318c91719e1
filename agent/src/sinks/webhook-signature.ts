/**
 * Signs messages as Standard Webhooks say (standardwebhooks.com, 1.0): id and time are signed, too, so that a message can
 * neither be changed nor sent again later. Owns the form of the secret and of the headers. Pure.
 */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/** The key of a secret: bytes in base64 behind `whsec_`, any other word as it is. */
const keyOf = (secret: string): Buffer =>
  secret.startsWith(PREFIX)
    ? Buffer.from(secret.slice(PREFIX.length), 'base64')
    : Buffer.from(secret, 'utf8');

/** The headers of a message. @param secret null for a message that is not signed */
export const webhookHeaders = (
  { id, unixS, body }: { id: string; unixS: number; body: string },
  secret: string | null,
): Record<string, string> => {
  const timestamp = String(unixS);
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (secret === null) return headers;
  const digest = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { ...headers, 'webhook-signature': `v1,${digest}` };
};
