/** What the page keeps and reads of its browser: theme, address, fragment. Never keeps a secret. */

/** Themes that can be chosen; `system` follows the machine. */
export type Theme = 'system' | 'light' | 'dark';

const THEME = 'nanofleet-theme';

/** The chosen theme. */
export const readTheme = (): Theme => {
  try {
    const found = localStorage.getItem(THEME);
    return found === 'light' || found === 'dark' ? found : 'system';
  } catch {
    // Storage may be off; the machine's theme will do.
    return 'system';
  }
};

/** Chooses a theme and shows it. */
export const applyTheme = (theme: Theme): void => {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  try {
    localStorage.setItem(THEME, theme);
  } catch {
    // Storage may be off: the theme then lasts as long as the page.
  }
};

const CODE = /^#code=([\w-]+)$/;

/** Whether the address is a sign-in link. */
export const hasSignInCode = (): boolean => CODE.test(location.hash);

/** The one-time code of a sign-in link, taken out of the address so that it does not stay in the history. */
export const takeSignInCode = (): string | null => {
  const match = CODE.exec(location.hash);
  if (match?.[1] === undefined) return null;
  history.replaceState(null, '', location.pathname);
  return match[1];
};
