/** Addresses of the page without loading it anew: the current one, links between pages. Never knows what a page shows. */
import type { PageName } from '@nanofleet/protocol';
import type { MouseEvent, ReactNode } from 'react';
import { useSyncExternalStore } from 'react';
import { addressOf } from './match.ts';

const listeners = new Set<() => void>();
const tell = (): void => {
  for (const listener of listeners) listener();
};

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    removeEventListener('popstate', listener);
  };
};

/** The path that is shown. */
export const usePath = (): string => useSyncExternalStore(subscribe, () => location.pathname);

/** Goes to an address. */
export const goTo = (address: string): void => {
  history.pushState(null, '', address);
  scrollTo(0, 0);
  tell();
};

/** A link to a page. */
export const Link = (props: {
  readonly to: PageName;
  readonly params?: Readonly<Record<string, string>>;
  readonly children: ReactNode;
  readonly className?: string;
  readonly isCurrent?: boolean;
}) => {
  const address = addressOf(props.to, props.params);
  const follow = (event: MouseEvent): void => {
    // What opens another tab is the browser's business.
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0) return;
    event.preventDefault();
    goTo(address);
  };
  return (
    <a
      href={address}
      onClick={follow}
      className={props.className}
      aria-current={props.isCurrent === true ? 'page' : undefined}
    >
      {props.children}
    </a>
  );
};
