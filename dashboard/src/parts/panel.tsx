/** A framed part of a page with its heading. Never asks for anything. */
import type { ReactNode } from 'react';

/** The frame. `flush` lets a table reach the edges. */
export const Panel = (props: {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly flush?: boolean;
  readonly children: ReactNode;
}) => (
  <section className="panel" aria-label={props.title}>
    <header>
      <h2>{props.title}</h2>
      {props.aside === undefined ? null : <span className="aside">{props.aside}</span>}
    </header>
    <div className={props.flush === true ? 'body flush' : 'body'}>{props.children}</div>
  </section>
);
