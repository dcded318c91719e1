/**
 * What `doctor` asks of the machine and of the state directory: whether the agent may write there, has an identity, has
 * room and memory, and whether models run at all. Owns the bounds of these; changes nothing.
 */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import { type EngineChoice, engineInWords, loadEngine, openSession, Tensor } from '@nanofleet/runtime/node';
import { fileDisk } from '../ports/file-disk.ts';
import { findIdentity, type Identity } from '../store/identity.ts';
import { doubtful, type Finding, fine, wrong } from './finding.ts';

const MB = 1e6;
/** Three classes of records fill 24 MiB, examples and logs 20 MiB, two bundles of a line some MiB each. */
const ROOM_BYTES_MIN = 64 * MB;
/** Resident with the shipped lines, and room to train. */
const FREE_MEMORY_BYTES_MIN = 100 * MB;
const MEMORY_BYTES_MIN = 250 * MB;
/** An ONNX model of one operator, Identity over one number. */
const SMALLEST_MODEL = 'CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAN';

const megabytes = (bytes: number): string => `${Math.floor(bytes / MB)} MB`;

/** Whether the state directory is there and can be written. */
export const checkStateDirectory = (directory: string): Finding => {
  const check = 'state';
  if (!existsSync(directory))
    return wrong(
      check,
      `there is no directory ${directory}`,
      'Give --dir, or enrol: nanofleet-agent enrol --help',
    );
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return fine(check, directory);
  } catch {
    return wrong(check, `${directory} cannot be written`, 'Run this as the user that the agent runs as.');
  }
};

/** The identity in a state directory, and what is to be said of it. */
export const checkIdentity = (directory: string): { identity: Identity | null; finding: Finding } => {
  const check = 'identity';
  try {
    const identity = findIdentity(fileDisk, directory);
    if (identity !== null)
      return {
        identity,
        finding: fine(check, `${identity.device} of ${identity.fleet}, group ${identity.group}`),
      };
    const todo = `nanofleet-agent enrol --dir ${directory} --token TOKEN --name NAME`;
    return { identity, finding: wrong(check, 'the device is not enrolled', todo) };
  } catch (thrown) {
    const { message } = toNanofleetError(thrown);
    return { identity: null, finding: wrong(check, message, 'Restore the file, or enrol again.') };
  }
};

/** Whether records, examples and bundles have room. */
export const checkRoom = (directory: string): Finding => {
  const { bavail, bsize } = statfsSync(existsSync(directory) ? directory : '/');
  const free = bavail * bsize;
  const found = `${megabytes(free)} free for ${directory}`;
  if (free >= ROOM_BYTES_MIN) return fine('disk', found);
  return wrong('disk', found, `Free some space: records and bundles need ${megabytes(ROOM_BYTES_MIN)}.`);
};

/** Whether there is memory for models. */
export const checkMemory = (): Finding => {
  const free = freemem();
  const total = totalmem();
  const found = `${megabytes(free)} free of ${megabytes(total)}`;
  if (total < MEMORY_BYTES_MIN)
    return doubtful(
      'memory',
      found,
      `A device needs ${megabytes(MEMORY_BYTES_MIN)} for models and training.`,
    );
  if (free >= FREE_MEMORY_BYTES_MIN) return fine('memory', found);
  return doubtful(
    'memory',
    found,
    `End something: models and training need ${megabytes(FREE_MEMORY_BYTES_MIN)}.`,
  );
};

/** Whether the engine loads and computes. */
export const checkEngine = async (choice: EngineChoice): Promise<Finding> => {
  try {
    const engine = loadEngine(choice);
    const session = await openSession(Buffer.from(SMALLEST_MODEL, 'base64'), 'the smallest model', engine);
    const { y } = await session.run({ x: new Tensor('float32', [3], [1]) });
    await session.release();
    if (y?.data[0] !== 3)
      throw new NanofleetError('MODEL_LOAD_FAILED', 'a model of one operator answers wrongly');
    return fine('engine', engineInWords(engine));
  } catch (thrown) {
    const todo = 'Install the agent again; --engine and `engine` in agent.yaml choose native or wasm.';
    return wrong('engine', toNanofleetError(thrown).message, todo);
  }
};
