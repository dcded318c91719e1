/**
 * An answer of the API as a part of the page needs it: loading, failed or there, asked again when the stream says that
 * it may have changed. What is there stays while it is asked again, also when that fails. Never writes.
 */
import {
  type ApiAnswer,
  type ApiCall,
  type ApiRoute,
  type LivePart,
  type NanofleetError,
  toNanofleetError,
} from '@nanofleet/protocol';
import { useEffect, useRef, useState } from 'react';
import { useLive } from '../live/stream.ts';
import { after, unixMs } from '../rims/clock.ts';
import { callApi } from './call.ts';
import { useSession } from './session.ts';

/** What is known of an answer. */
export interface Asked<T> {
  readonly value: T | null;
  readonly problem: NanofleetError | null;
  /** Asks again now. */
  readonly again: () => void;
}

/** How an answer is kept up to date. */
export interface AskOptions {
  /** Parts whose change makes it old. */
  readonly parts?: readonly LivePart[];
  /** At most one request in this time, milliseconds. */
  readonly everyMs?: number;
}

interface Known<T> {
  readonly key: string;
  readonly value: T | null;
  readonly problem: NanofleetError | null;
}

/** Asks a route, and again when one of its parts has changed. */
export const useAnswer = <R extends ApiRoute>(
  route: R,
  call: ApiCall<R> = {},
  { parts = [], everyMs = 1_000 }: AskOptions = {},
): Asked<ApiAnswer<R>> => {
  const { lost } = useSession();
  const key = JSON.stringify([route, call]);
  const revision = useLive(({ revisions }) => parts.reduce((sum, part) => sum + revisions[part], 0));
  const [manual, setManual] = useState(0);
  const [known, setKnown] = useState<Known<ApiAnswer<R>>>({ key, value: null, problem: null });
  const askedAt = useRef({ key: '', at: 0 });
  useEffect(() => {
    const ended = new AbortController();
    const isSame = askedAt.current.key === key;
    const waitMs = isSame ? Math.max(0, askedAt.current.at + everyMs - unixMs()) : 0;
    const ask = async (): Promise<void> => {
      askedAt.current = { key, at: unixMs() };
      try {
        const value = await callApi(route, call, ended.signal);
        setKnown({ key, value, problem: null });
      } catch (thrown) {
        if (ended.signal.aborted) return;
        const problem = toNanofleetError(thrown);
        if (problem.status === 401) lost();
        setKnown((before) => ({ key, value: before.key === key ? before.value : null, problem }));
      }
    };
    const cancel = after(waitMs, () => void ask());
    return () => {
      cancel();
      ended.abort();
    };
  }, [key, revision, manual, everyMs]);
  const isOfKey = known.key === key;
  return {
    value: isOfKey ? known.value : null,
    problem: isOfKey ? known.problem : null,
    again: () => setManual((count) => count + 1),
  };
};
