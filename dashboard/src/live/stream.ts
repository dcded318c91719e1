/**
 * The stream of changes in the page: one connection, a store that parts subscribe to. The browser comes back by itself
 * with its place; when the controller refuses it, the caller is told. Never asks the API for anything.
 */
import { LIVE_EVENTS, type LiveEvent, STREAMS } from '@nanofleet/protocol';
import { useSyncExternalStore } from 'react';
import { after } from '../rims/clock.ts';
import { afterEvent, afterGap, INITIAL, type LiveState } from './live-state.ts';

const AGAIN_MS = 3_000;
const listeners = new Set<() => void>();
let state = INITIAL;

const change = (next: LiveState): void => {
  state = next;
  for (const listener of listeners) listener();
};

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** A part of what came over the stream; the component is drawn again when it differs. */
export const useLive = <T>(select: (state: LiveState) => T): T =>
  useSyncExternalStore(subscribe, () => select(state));

/** Opens the stream; the result ends it. `refused` is called when the controller does not let the reader in. */
export const openStream = (refused: () => void): (() => void) => {
  let source: EventSource | null = null;
  let cancel = (): void => undefined;
  const open = (): void => {
    source = new EventSource(STREAMS.live.path);
    source.addEventListener('open', () => {
      const isReturn = state.link === 'waiting';
      change({ ...(isReturn ? afterGap(state) : state), link: 'live' });
    });
    source.addEventListener('error', () => {
      change({ ...state, link: 'waiting' });
      // Closed for good: the controller answered, but not with a stream. A lost connection is tried again by itself.
      if (source?.readyState !== EventSource.CLOSED) return;
      refused();
      cancel = after(AGAIN_MS, open);
    });
    for (const name of Object.keys(LIVE_EVENTS) as LiveEvent[]) {
      source.addEventListener(name, (event: MessageEvent<string>) =>
        change(afterEvent(state, name, JSON.parse(event.data) as unknown)),
      );
    }
  };
  open();
  return () => {
    cancel();
    source?.close();
    change(INITIAL);
  };
};
