/** Head of a page: where one is, its name, what can be done. */
import type { ReactNode } from 'react';
import { useEffect } from 'react';

/** The head; the name also becomes the name of the tab. */
export const PageHead = (props: {
  readonly title: string;
  readonly trail?: ReactNode;
  readonly children?: ReactNode;
}) => {
  useEffect(() => {
    document.title = `${props.title} · nanofleet`;
  }, [props.title]);
  return (
    <header className="page-head">
      {props.trail === undefined ? null : (
        <nav className="trail" aria-label="Where this is">
          {props.trail}
        </nav>
      )}
      <h1>{props.title}</h1>
      {props.children === undefined ? null : <div className="tools">{props.children}</div>}
    </header>
  );
};
