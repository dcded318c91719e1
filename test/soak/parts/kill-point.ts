// Loaded into a controller's process before its own code (`--import`): writes down each commit and each publish in their order, and
// ends the process at one of them. Knows the drivers of PostgreSQL and MQTT, and nothing of the product; decides nothing.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';

/** What ends it: before a commit, after it and before anybody heard of it, or instead of a publish. */
export type ControllerFault = 'before' | 'after' | 'publish';

/** One commit or publish of a process: the n-th of its name, from 1. */
export interface Point {
  readonly kind: 'commit' | 'publish';
  readonly name: string;
  readonly nth: number;
}

/** Where a process ends. */
export interface Aim extends Omit<Point, 'kind'> {
  readonly fault: ControllerFault;
}

type Method = (this: object, ...args: unknown[]) => unknown;

const directory = process.env['NANOFLEET_KILL_POINT'] ?? '';
const packages = (folder: string) =>
  createRequire(new URL(`../../../../${folder}/package.json`, import.meta.url));

const WRITE =
  /\b(insert into|delete from|update "?\w+"?( as \w+)? set|create (table|schema|unique|index|sequence)|alter table|drop )/i;
const PARTS =
  /\b(insert into|delete from|update) "?(\w+)"?(?:\."?(\w+)"?)?(?: as \w+)?(?: set (.*?)(?= where | from |$))?/gi;
const COLUMNS_SHOWN = 6;

/** What a statement changes, for people: `update rollouts (phase, course)`. */
const changesOf = (sql: string): string[] => {
  const found = [...sql.replace(/\s+/g, ' ').matchAll(PARTS)].flatMap(([, verb = '', table, other, set]) => {
    if (verb.toLowerCase() === 'update' && set === undefined) return [];
    const columns = [...(set ?? '').matchAll(/"?(\w+)"? = /g)].map(([, column]) => column ?? '');
    const shown = columns.length === 0 ? '' : ` (${columns.slice(0, COLUMNS_SHOWN).join(', ')})`;
    return [`${verb.toLowerCase().split(' ', 1)[0]} ${other ?? table}${shown}`];
  });
  return found.length > 0 ? found : ['schema'];
};

/** `desired`, `round/-/plan`; rights by their order. */
const channelOf = (topic: string, payload: unknown): string => {
  if (topic.startsWith('$CONTROL/')) {
    const { commands = [] } = JSON.parse(String(payload)) as { commands?: { command: string }[] };
    return `rights ${[...new Set(commands.map(({ command }) => command))].join(' ')}`;
  }
  return topic
    .split('/')
    .slice(5)
    .map((level) => (/^[0-9a-f-]{36}$/.test(level) ? '-' : level))
    .join('/');
};

/** Counts points once it is told to by a file, and ends the process at the one that the file names. */
class Points {
  readonly #counts = new Map<string, number>();
  #aim: Aim | null | undefined;

  /** Notes a point; whether the process is to end there, by which fault. */
  meet(kind: Point['kind'], name: string): ControllerFault | null {
    if (this.#aim === undefined && !this.#isArmed()) return null;
    const nth = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, nth);
    appendFileSync(join(directory, 'points'), `${JSON.stringify({ kind, name, nth })}\n`);
    const aim = this.#aim ?? null;
    return aim?.name === name && aim.nth === nth ? aim.fault : null;
  }

  #isArmed(): boolean {
    const path = join(directory, 'armed');
    if (!existsSync(path)) return false;
    this.#aim = JSON.parse(readFileSync(path, 'utf8')) as Aim | null;
    return true;
  }
}

const end = (): void => {
  appendFileSync(join(directory, 'ended'), 'here\n');
  process.kill(process.pid, 'SIGKILL');
};

const watch = (points: Points): void => {
  const { Client } = packages('controller')('pg') as { Client: { prototype: { query: Method } } };
  const { MqttClient } = packages('runtime')('mqtt') as { MqttClient: { prototype: { publish: Method } } };
  const { query } = Client.prototype;
  const { publish } = MqttClient.prototype;
  const open = new WeakMap<object, string[]>();

  /** The commit that a statement is; null for any other. */
  const commitOf = (client: object, sql: string): string[] | null => {
    const changes = WRITE.test(sql) ? changesOf(sql) : [];
    const before = open.get(client);
    if (/^\s*begin\b/i.test(sql)) open.set(client, []);
    else if (/^\s*(commit|rollback)\b(?! to)/i.test(sql)) open.delete(client);
    else before?.push(...changes);
    if (/^\s*commit\b/i.test(sql)) return before ?? [];
    return before === undefined ? changes : null;
  };

  Client.prototype.query = function (this: object, ...args: unknown[]): unknown {
    const [given] = args;
    const sql = typeof given === 'string' ? given : (given as { text?: string }).text;
    const changes = sql === undefined ? null : commitOf(this, sql);
    if (changes === null || changes.length === 0) return query.apply(this, args);
    const fault = points.meet('commit', [...new Set(changes)].join(' + '));
    if (fault === 'before') end();
    if (fault !== 'after') return query.apply(this, args);
    const last = args.at(-1);
    // It is committed once the server has said so; nobody here hears it.
    if (typeof last === 'function') return query.apply(this, [...args.slice(0, -1), end]);
    return (query.apply(this, args) as Promise<unknown>).finally(end);
  };
  MqttClient.prototype.publish = function (this: object, ...args: unknown[]): unknown {
    if (points.meet('publish', `publish ${channelOf(String(args[0]), args[1])}`) !== null) end();
    return publish.apply(this, args);
  };
};

if (directory !== '' && isMainThread) watch(new Points());
