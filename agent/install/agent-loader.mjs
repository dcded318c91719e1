// Starts the agent: the release that was committed, or one on probation, which it counts, watches and gives up. Holds no
// more than that, takes nothing from the network, imports nothing but Node, and is replaced only by an installation.
// Its contract with agents of every version is docs/decisions/0024: `agent/boot.json`, exit code 86, two arguments.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const STARTS_MAX = 3;
const STAGED = 86;
const PROBATION_MS = 600_000;
const GOODBYE_MS = 10_000;
const PAUSE_MS = 1_000;
const HERE = dirname(fileURLToPath(import.meta.url));
const ENTRY = 'nanofleet-agent.mjs';
const FRESH = { format: 1, base: null, committed: null, trial: null, highest: null, refused: null };
const WHY = {
  AGENT_START_FAILED: `it ended ${STARTS_MAX} times before it was committed`,
  AGENT_NO_CONTACT: 'it did not reach the controller in its probation',
  AGENT_DAMAGED: 'its files have changed on the disk',
};

const refusal = ({ digest, version, order = 0 }, code, at) => ({
  ...{ digest, order, code, at },
  message: `agent ${version} was given up: ${WHY[code]}`,
});

/** The state without its trial, and why. */
export const giveUp = (state, code, at) => ({
  ...state,
  trial: null,
  refused: refusal(state.trial, code, at),
});

/** The state before a start, one on probation counted, and the release to start; null is what was installed. */
export const nextStart = (state, { base, isWhole, at }) => {
  const isInstalledAnew = state.base !== null && state.base !== base;
  let next = { ...state, base, ...(isInstalledAnew ? { committed: null, trial: null } : {}) };
  if (next.committed !== null && !isWhole(next.committed))
    next = { ...next, committed: null, refused: refusal(next.committed, 'AGENT_DAMAGED', at) };
  if (next.trial !== null && !isWhole(next.trial)) next = giveUp(next, 'AGENT_DAMAGED', at);
  if (next.trial !== null && next.trial.starts >= STARTS_MAX) next = giveUp(next, 'AGENT_START_FAILED', at);
  if (next.trial === null) return { state: next, release: next.committed };
  next = { ...next, trial: { ...next.trial, starts: next.trial.starts + 1 } };
  return { state: next, release: next.trial };
};

/** The state after an end that was asked for: such a start says nothing against a release. */
export const uncount = (state) => ({ ...state, trial: { ...state.trial, starts: state.trial.starts - 1 } });

const sha256In = (path) => createHash('sha256').update(fs.readFileSync(path)).digest('hex');

const placeIn = (directory) => {
  const versions = join(directory, 'agent', 'versions');
  const file = join(directory, 'agent', 'boot.json');
  const isWhole = ({ digest, files }) => {
    try {
      return files.every(({ name, sha256 }) => sha256In(join(versions, digest, name)) === sha256);
    } catch {
      return false;
    }
  };
  const read = () => {
    try {
      const state = JSON.parse(fs.readFileSync(file, 'utf8'));
      return state.format === 1 ? { ...FRESH, ...state } : FRESH;
    } catch {
      return FRESH;
    }
  };
  const sync = (path) => {
    const opened = fs.openSync(path, 'r');
    fs.fsyncSync(opened);
    fs.closeSync(opened);
  };
  /** Replaced at once, and durable before anything is started because of it. */
  const write = (state) => {
    fs.writeFileSync(`${file}.new`, `${JSON.stringify(state, undefined, 1)}\n`, { mode: 0o600 });
    sync(`${file}.new`);
    fs.renameSync(`${file}.new`, file);
    sync(dirname(file));
  };
  /** What the installed agent finds beside it, upgraded ones find, too. */
  const linkPackages = () => {
    let from = HERE;
    while (!fs.existsSync(join(from, 'node_modules', 'onnxruntime-common')) && from !== dirname(from))
      from = dirname(from);
    fs.rmSync(join(versions, 'node_modules'), { force: true });
    fs.symlinkSync(join(from, 'node_modules'), join(versions, 'node_modules'));
  };
  /** Counts a start and says what to start: what cannot be counted or linked is not tried, the installed agent is. */
  const begin = () => {
    const found = read();
    if (found.committed === null && found.trial === null) return null;
    try {
      const next = nextStart(found, { base: sha256In(join(HERE, ENTRY)), isWhole, at: Date.now() });
      if (JSON.stringify(next.state) !== JSON.stringify(found)) write(next.state);
      if (next.release !== null) linkPackages();
      return next.release;
    } catch (thrown) {
      console.error(`the agent's loader starts the installed agent: ${thrown}`);
      return null;
    }
  };
  const entryOf = (release) => join(release === null ? HERE : join(versions, release.digest), ENTRY);
  const committed = () => [read().committed].find((one) => one !== null && isWhole(one)) ?? null;
  return { begin, committed, entryOf, read, write };
};

/** One life of an agent; `isLate` when its probation was over before it was committed. */
const live = (place, { args, probationMs, life }) =>
  new Promise((resolve) => {
    const release = place.begin();
    const named = ['--loader', '1', ...(release === null ? [] : ['--release', release.digest])];
    const command = [...process.execArgv, place.entryOf(release), ...args, ...named];
    const child = spawn(process.execPath, command, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
    let isLate = false;
    life.child = child;
    const isOnTrial = () => release !== null && place.read().trial?.digest === release.digest;
    const atDeadline = () => {
      if (!isOnTrial()) return;
      isLate = true;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), GOODBYE_MS).unref();
    };
    const deadline = setTimeout(atDeadline, probationMs);
    const end = (code) => {
      clearTimeout(deadline);
      resolve({ code, isLate, isOnTrial: isOnTrial() });
    };
    child.once('error', () => end(1));
    child.once('exit', (code, signal) => end(code ?? 128 + constants.signals[signal]));
  });

const run = async (place, { args, probationMs }) => {
  const life = { child: null, isEnding: false };
  const pass = (signal) => {
    life.isEnding = true;
    life.child?.kill(signal);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, pass);
  for (;;) {
    const { code, isLate, isOnTrial } = await live(place, { args, probationMs, life });
    if (isOnTrial && isLate) place.write(giveUp(place.read(), 'AGENT_NO_CONTACT', Date.now()));
    else if (isOnTrial && life.isEnding) place.write(uncount(place.read()));
    if (life.isEnding || (!isOnTrial && code !== STAGED) || (isOnTrial && code === 0 && !isLate)) return code;
    if (place.read().trial?.starts !== 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (life.isEnding) return code;
  }
};

const main = async (args) => {
  const [, milliseconds] = args[0] === '--probation-ms' ? args.splice(0, 2) : [];
  const at = args.findIndex((word) => /^--dir(=|$)/.test(word));
  const directory = args[at]?.startsWith('--dir=') ? args[at].slice('--dir='.length) : args[at + 1];
  const place = placeIn(at < 0 ? '.nanofleet-agent' : (directory ?? ''));
  if (args[0] === 'run')
    process.exit(await run(place, { args, probationMs: Number(milliseconds ?? PROBATION_MS) }));
  // Every other command is over soon: it runs here, as the version that is committed.
  process.argv.splice(2, process.argv.length, ...args);
  await import(pathToFileURL(place.entryOf(place.committed())).href);
};

if (process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  await main(process.argv.slice(2));
