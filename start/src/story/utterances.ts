/**
 * The script by which the homes live: sentences with the label that is right and the home that says it. Owns reading
 * and checking the file; never decides anything.
 */
import { readFile } from 'node:fs/promises';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';

/** The label of sentences that fit no intent. */
const OUT_OF_SCOPE = 'oos';

const utteranceSchema = z.object({ text: z.string(), intent: z.string(), home: z.int().min(1) });
/** One sentence of the script. */
export type Utterance = z.infer<typeof utteranceSchema>;

/** @throws NanofleetError TRAINING_SET_INVALID, naming the line that is wrong. */
export async function readUtterances(path: string): Promise<Utterance[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    const parsed = utteranceSchema.safeParse(parse(line));
    if (parsed.success) return [parsed.data];
    const problem = `Line ${index + 1} of ${path} is not {"text", "intent", "home"} in JSON.`;
    throw new NanofleetError('TRAINING_SET_INVALID', problem);
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // The caller names the line.
    return undefined;
  }
}

/** Whether a sentence has an intent that the model knows. */
export const isInScope = ({ intent }: Utterance): boolean => intent !== OUT_OF_SCOPE;
