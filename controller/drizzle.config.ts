// How drizzle-kit makes migrations out of the tables: `npx drizzle-kit generate --name what-changes` in this folder.
import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './src/*/*.tables.ts',
  out: './migrations',
  casing: 'snake_case',
});
