// How the dashboard is built: from its sources and protocol's, into files that are named by their content. Scripts and
// styles are files of their own, for the page's policy allows nothing inline.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  resolve: {
    alias: [{ find: /^@nanofleet\/protocol$/, replacement: here('../protocol/src/index.ts') }],
  },
  build: {
    outDir: here('dist/site'),
    emptyOutDir: true,
    // A data: URL would need a wider policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // One file: every page needs nearly all of it, and it is kept for ever.
    chunkSizeWarningLimit: 800,
    target: 'es2022',
  },
  server: { proxy: { '/api': 'http://127.0.0.1:7300' } },
});
