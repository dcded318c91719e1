/**
 * A database that goes away and comes back: sits between drizzle and its driver. Owns when queries fail; every query
 * that is let through is the real one.
 */
import type { OpenDatabase } from '@nanofleet/controller';

/** A database under the test's control. */
export interface FaultyDatabase {
  /** From now on no query gets through. */
  stop(): void;
  start(): void;
  /** The next so many queries are done, but their answers are lost on the way back. */
  loseAnswers(count: number): void;
  /** Queries that failed so far. */
  failures(): number;
}

type Method = (...given: unknown[]) => Promise<unknown>;

const gone = (): TypeError =>
  Object.assign(new TypeError('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });

/** Takes the driver of an open database. */
export const makeFaulty = ({ database }: OpenDatabase): FaultyDatabase => {
  let isStopped = false;
  let answersToLose = 0;
  let failures = 0;
  const client: unknown = Reflect.get(database, '$client');
  if (typeof client !== 'object' || client === null)
    throw new TypeError('drizzle keeps its driver elsewhere');
  const failing =
    (real: Method): Method =>
    async (...given) => {
      const fail = (): never => {
        failures += 1;
        throw gone();
      };
      if (isStopped) fail();
      const answer = await real.apply(client, given);
      if (answersToLose > 0) {
        answersToLose -= 1;
        fail();
      }
      return answer;
    };
  for (const name of ['query', 'transaction']) {
    Reflect.set(client, name, failing(Reflect.get(client, name) as Method));
  }
  return {
    stop: () => {
      isStopped = true;
    },
    start: () => {
      isStopped = false;
    },
    loseAnswers: (count) => {
      answersToLose = count;
    },
    failures: () => failures,
  };
};
