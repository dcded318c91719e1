/** A blob out of the registry, part by part. What is not of the digest that names it is never given on. */
import { type Digest, NanofleetError } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import type { Client } from './client.ts';
import { shortDigest } from './units.ts';

/** All bytes of a blob; @throws NanofleetError DIGEST_MISMATCH */
export async function fetchBlob(client: Client, digest: Digest): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let from = 0;
  for (;;) {
    const { bytes, content } = await client.call('blobPart', { params: { digest }, query: { from } });
    const part = Buffer.from(content, 'base64');
    parts.push(part);
    from += part.length;
    if (from >= bytes || part.length === 0) break;
  }
  const whole = Buffer.concat(parts);
  if (sha256Of(whole) === digest) return whole;
  throw new NanofleetError(
    'DIGEST_MISMATCH',
    `The controller's bytes of ${shortDigest(digest)}… are other ones.`,
    {
      facts: { digest },
    },
  );
}
