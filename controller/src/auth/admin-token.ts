/** The first operator of a new fleet: an admin token in a file for its owner only. Never printed by this file. */
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AuthService } from './auth.service.ts';

/** Makes the first admin token, unless there are operators; the token, or null when none was made. */
export const provideAdminToken = async (auth: AuthService, path: string): Promise<string | null> => {
  if ((await auth.operators()).length > 0) return null;
  // The file comes first: a kill in between leaves a token that opens nothing, never a fleet without an operator.
  const token = auth.newOperatorSecret();
  await writePrivate(path, `${token}\n`);
  await auth.addOperator({ name: 'admin', role: 'admin', token });
  return token;
};

const writePrivate = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const part = `${path}.part`;
  const file = await open(part, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, path);
};
