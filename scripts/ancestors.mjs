// Ends this process when the command that the user typed is gone. `npx`, `pnpm` and the shells between them stand
// above us; a `kill -9` of one of them tells us nothing, so they are looked at. Needs /proc; without it, does nothing.
import { readFileSync } from 'node:fs';

const LOOK_INTERVAL_MS = 250;
/** What the program has for ending itself, before it is killed. */
const END_GRACE_MS = 5_000;
/** Unit of start times in /proc (proc(5), sysconf(_SC_CLK_TCK)); 100 on every Linux that Node runs on. */
const TICKS_PER_S = 100;
const RUNNER = /^(npx|npm|pnpm|corepack|yarn)\b/;
const BETWEEN = /^(node|MainThread|sh|dash|env)\b/;

/** Name, parent and start time (clock ticks since boot) of a running process; undefined when there is none. */
function processAt(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const end = stat.lastIndexOf(')');
    const fields = stat.slice(end + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return {
      pid,
      name: stat.slice(stat.indexOf('(') + 1, end),
      parent: Number(fields[1]),
      started: fields[19],
    };
  } catch {
    return undefined;
  }
}

/**
 * The runners above us and what stands between them and us, nearest first. Shells above the topmost runner are the
 * user's: `sh -c 'pnpm start &'` must not end the fleet as its shell ends.
 */
function chainAbove() {
  const chain = [];
  for (let at = processAt(process.ppid); at !== undefined && at.pid > 1; at = processAt(at.parent)) {
    if (!RUNNER.test(at.name) && !BETWEEN.test(at.name)) break;
    chain.push(at);
  }
  return chain.slice(0, chain.findLastIndex(({ name }) => RUNNER.test(name)) + 1);
}

/**
 * When the user's command began, milliseconds since 1970: the start of the topmost runner above us, else of this
 * process. What a cold `npx` spends on installing is part of it.
 */
export function commandBeganMs() {
  const top = chainAbove().at(-1) ?? processAt(process.pid);
  if (top === undefined) return Math.round(performance.timeOrigin);
  const uptimeS = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
  return Math.round(Date.now() - (uptimeS - Number(top.started) / TICKS_PER_S) * 1000);
}

/**
 * Sends this process SIGTERM as soon as one of the runners above it has died, and SIGKILL if it then does not end.
 * Returns the names of the processes that are watched, nearest first.
 */
export function endWithAncestors() {
  const chain = chainAbove();
  if (chain.length === 0) return [];
  const timer = setInterval(() => {
    if (chain.every(({ pid, started }) => processAt(pid)?.started === started)) return;
    clearInterval(timer);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), END_GRACE_MS).unref();
    process.kill(process.pid, 'SIGTERM');
  }, LOOK_INTERVAL_MS);
  timer.unref();
  return chain.map(({ name }) => name);
}
