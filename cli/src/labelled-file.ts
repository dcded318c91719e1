/**
 * Reading a file of labelled texts: one JSON object `{text, intent}` a line, intent `oos` for none of the labels. Owns the
 * form and the errors that name a line; never sends anything.
 */
import { readFile } from 'node:fs/promises';
import { EXAMPLES_MAX, type Example, exampleSchema, firstIssue, NanofleetError } from '@nanofleet/protocol';

/**
 * The examples of a file.
 * @throws NanofleetError TRAINING_SET_INVALID, naming the first line that is wrong; never quoting it
 */
export async function readLabelledFile(path: string): Promise<Example[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new NanofleetError('TRAINING_SET_INVALID', `${path} cannot be read.`, { cause });
  });
  const examples = text.split('\n').flatMap((line, at) => (line.trim() === '' ? [] : [read(line, at, path)]));
  if (examples.length > 0 && examples.length <= EXAMPLES_MAX) return examples;
  const problem = `${path} holds ${examples.length} examples; 1 to ${EXAMPLES_MAX} are taken.`;
  throw new NanofleetError('TRAINING_SET_INVALID', problem);
}

function read(line: string, at: number, path: string): Example {
  const parsed = exampleSchema.safeParse(parse(line));
  if (parsed.success) return parsed.data;
  const why = firstIssue(parsed.error);
  throw new NanofleetError(
    'TRAINING_SET_INVALID',
    `${path}, line ${at + 1} is not {"text", "intent"}: ${why}`,
    {
      facts: { line: at + 1 },
    },
  );
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // The caller names the line.
    return undefined;
  }
}
