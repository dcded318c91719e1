/** The frame around every page: where one can go, of which fleet this is, whether changes arrive, theme, leaving. */
import type { PageName } from '@nanofleet/protocol';
import { type ReactNode, useState } from 'react';
import { useSession } from '../access/session.ts';
import { useLive } from '../live/stream.ts';
import { applyTheme, readTheme, type Theme } from '../rims/page.ts';
import { Link, usePath } from '../routing/link.tsx';
import { placeOf } from '../routing/match.ts';
import { countText } from '../words/units.ts';
import { Mark } from './mark.tsx';

const NAV: readonly { readonly to: PageName; readonly text: string; readonly below?: PageName }[] = [
  { to: 'story', text: 'Story' },
  { to: 'fleet', text: 'Fleet' },
  { to: 'devices', text: 'Devices', below: 'device' },
  { to: 'models', text: 'Models', below: 'model' },
  { to: 'rollouts', text: 'Rollouts', below: 'rollout' },
  { to: 'rounds', text: 'Rounds', below: 'round' },
  { to: 'cloud', text: 'Cloud' },
  { to: 'reference', text: 'API' },
];

const THEMES: Readonly<Record<Theme, { readonly next: Theme; readonly text: string }>> = {
  system: { next: 'light', text: 'Theme: system' },
  light: { next: 'dark', text: 'Theme: light' },
  dark: { next: 'system', text: 'Theme: dark' },
};

/** The frame. */
export const Shell = (props: { readonly children: ReactNode }) => {
  const link = useLive((state) => state.link);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="rail">
        <Brand />
        <Nav />
        <Foot />
      </header>
      <main className="main" id="main" tabIndex={-1}>
        {link === 'waiting' ? (
          <div className="banner" role="status">
            Changes do not arrive at the moment. What is shown may be old; the page comes back by itself.
          </div>
        ) : null}
        {props.children}
      </main>
    </div>
  );
};

const Brand = () => {
  const { who } = useSession();
  return (
    <Link to="story" className="brand">
      <Mark />
      <span>
        nanofleet
        <small>{who.fleet}</small>
      </span>
    </Link>
  );
};

const Nav = () => {
  const page = placeOf(usePath())?.page;
  const online = useLive(({ fleet }) => fleet?.devices.online ?? null);
  return (
    <nav className="nav" aria-label="Pages">
      {NAV.map(({ to, text, below }) => (
        <Link key={to} to={to} isCurrent={page === to || (below !== undefined && page === below)}>
          {text}
          {to === 'devices' && online !== null ? (
            <span className="number" title="online">
              {countText(online)}
            </span>
          ) : null}
        </Link>
      ))}
    </nav>
  );
};

const Foot = () => {
  const { who, signOut } = useSession();
  const link = useLive((state) => state.link);
  const [theme, setTheme] = useState(readTheme);
  const turn = (): void => {
    const { next } = THEMES[theme];
    applyTheme(next);
    setTheme(next);
  };
  return (
    <div className="rail-foot">
      <span className="pulse" data-state={link} role="status">
        {link === 'live' ? 'live' : link}
      </span>
      <span className="who">
        {who.name} · {who.role}
      </span>
      <div className="row">
        <button type="button" className="button plain" onClick={turn}>
          {THEMES[theme].text}
        </button>
        <button type="button" className="button plain" onClick={signOut}>
          Sign out
        </button>
      </div>
    </div>
  );
};
