/**
 * The dashboard of a start: built in a process of its own while the story is played, for the first decision must not wait
 * for it; then a link that opens it signed in, once. Never holds up a start: without a page there is no link.
 */
import type { Fleet } from './fleet.ts';
import { CLONE } from './layout.ts';
import { runToEnd } from './processes.ts';
import type { World } from './world.ts';

/** Builds the page if anything in it changed; whether there is one afterwards. */
export async function buildDashboard(world: World): Promise<boolean> {
  const { code } = await runToEnd(world, { name: 'dashboard', file: CLONE.dashboardBuild, args: [] });
  return code === 0;
}

/** An address that signs one browser in. The code is in the fragment, which browsers send to nobody. */
export async function dashboardLink(fleet: Fleet): Promise<string> {
  const { code } = await fleet.operator.call('makeSignInCode');
  return `http://127.0.0.1:${fleet.web.port}/#code=${code}`;
}
