// Owns naming the parent of a bundle: the digest of its manifest. It never reads what the manifest says.
import { join } from 'node:path';
import { MANIFEST_FILE } from '@nanofleet/protocol';
import { sha256OfFile } from '@nanofleet/protocol/node';

/** The digest of the bundle in `parent`, relative to the recipe's directory; null without a parent. */
export async function parentDigest(
  parent: string | undefined,
  recipeDirectory: string,
): Promise<string | null> {
  return parent === undefined ? null : await sha256OfFile(join(recipeDirectory, parent, MANIFEST_FILE));
}
