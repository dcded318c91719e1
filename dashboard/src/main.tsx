// The page's program: schemas without generated code (the page's policy allows none), the theme, the first drawing.
import { createRoot } from 'react-dom/client';
import { z } from 'zod';
import { App } from './app.tsx';
import { applyTheme, readTheme } from './rims/page.ts';

z.config({ jitless: true });
applyTheme(readTheme());
const root = document.getElementById('root');
if (root !== null) createRoot(root).render(<App />);
