// What the stories of a controller begin from, made once: a controller that has started, its two devices on a first release with what
// they have learnt, and a bigger tier.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  deviceIdSchema,
  groupIdSchema,
  MANIFEST_FILE,
  parseManifest,
  SIGNATURE_FILE,
} from '@nanofleet/protocol';
import { sha256Of, signManifest } from '@nanofleet/protocol/node';
import type { TestBundle } from '../../faults/parts/bundles.ts';
import { pushBundle } from '../../faults/parts/operator.ts';
import type { GroundName } from './controller-history.ts';
import { publisher, type Release, releaseOf, TEXTS } from './crash-device.ts';
import { Home, LINE } from './mortal-home.ts';
import { type Engine, type Ground, MortalSite } from './mortal-site.ts';
import { ROOT } from './starter.ts';

/** The devices. */
export const NAMES = ['home-1', 'home-2'].map((name) => deviceIdSchema.parse(name));
/** Their group. */
export const GROUP = groupIdSchema.parse('homes');
const NOTHING: Ground = { database: null, directory: null, homes: [] };
const TOKEN = { name: 'homes', group: GROUP, validForS: 86_400 };

/** What they run, and what they may come to run. */
export const ONE = releaseOf(1);
export const TWO = releaseOf(2);

/** Makes what a story begins from. */
export const makeGround = async (name: GroundName, engine: Engine): Promise<Ground> => {
  if (name === 'nothing') return NOTHING;
  const site = await MortalSite.of(engine, NOTHING);
  await site.start();
  if (name !== 'controller') await furnish(site);
  if (name === 'tiers') await giveTier(site);
  return site.freeze();
};

/** A fleet token for so many devices. */
export const tokenFor = ({ controller }: MortalSite, uses: number) =>
  controller.call('makeFleetToken', { body: { ...TOKEN, uses } });

const furnish = async (site: MortalSite): Promise<void> => {
  for (const release of [ONE, TWO]) await pushRelease(site, release);
  await site.controller.call('makeRollout', {
    body: { digest: ONE.digest, target: { group: GROUP } },
  });
  await site.controller.call('putExamples', { params: { line: LINE }, body: { examples: examples() } });
  const token = await tokenFor(site, NAMES.length);
  for (const name of NAMES) {
    const home = new Home(await Home.enrolled(site.controller.url, { name, token }), site.addresses);
    site.homes.push(home);
    await home.start();
  }
  await site.atRest();
  for (const home of site.homes)
    for (const { intent, text } of examples().slice(0, 6))
      home.agent.teach({ line: LINE, text, label: intent });
};

/** Sentences of the first labels; what they mean plays no part. */
const examples = () =>
  TEXTS.slice(0, 20).map((text, at) => ({ text, intent: ONE.manifest.labels.names[at % 3] ?? '' }));

/** A bundle whose files are given by name. */
const push = (
  { controller }: MortalSite,
  bundle: Pick<TestBundle, 'digest' | 'manifest' | 'read'>,
): Promise<unknown> =>
  pushBundle((route, call) => controller.call(route, call), { directory: '', ...bundle });

const pushRelease = (site: MortalSite, { blobs, digest, manifest }: Release): Promise<unknown> => {
  const names = new Map<string, string>([
    ...manifest.files.map(({ name, sha256 }) => [name, sha256] as const),
    [MANIFEST_FILE, digest],
    [SIGNATURE_FILE, `${digest}.sig`],
  ]);
  return push(site, {
    digest,
    manifest,
    read: (name) => Buffer.from(blobs.get(names.get(name) ?? '') ?? []),
  });
};

const giveTier = async (site: MortalSite): Promise<void> => {
  const folder = join(ROOT, 'bundles', 'household-mini');
  const manifestBytes = readFileSync(join(folder, MANIFEST_FILE));
  const signature = Buffer.from(signManifest(publisher, manifestBytes));
  const digest = sha256Of(manifestBytes);
  const read = (name: string) => (name === SIGNATURE_FILE ? signature : readFileSync(join(folder, name)));
  await push(site, { digest, manifest: parseManifest(manifestBytes), read });
  await site.controller.call('makeRollout', { body: { digest, target: { controller: true } } });
};
