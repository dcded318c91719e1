// The stories of a controller that ends at any of its commits or publishes: its first start, an enrolment, records, questions, a command,
// releases and rounds of learning, a revocation, the publishers' metadata.
import { enrolDevice } from '@nanofleet/controller/testing';
import { type Uuid, uuidSchema } from '@nanofleet/protocol';
import { fingerprintOf, generateSigningKey } from '@nanofleet/protocol/node';
import { NAMES, ONE, TWO, tokenFor } from './controller-grounds.ts';
import { type ControllerHistory, rows } from './controller-history.ts';
import { rollbackHistory, rolloutHistory, roundHistory } from './controller-model-histories.ts';
import { publisher, TEXTS } from './crash-device.ts';
import { signedMetadata } from './crash-metadata.ts';
import { Home } from './mortal-home.ts';
import type { MortalSite } from './mortal-site.ts';

const STRANGE = 'please water the begonias under the drawbridge';
const FINAL: ReadonlySet<string> = new Set(['answered', 'unanswered']);
const JOB = uuidSchema.parse('01890a5d-ac96-774b-bcce-b302099a8057');

const startHistory: ControllerHistory = {
  name: 'controller start',
  ground: 'nothing',
  act: async ({ controller }) => {
    await controller.call('health');
  },
  outcome: (site) =>
    rows(
      site,
      `select (select count(*) from migrations) as migrations, (select count(*) from fixtures) as fixtures,
        (select count(*) from operator_tokens) as tokens, (select count(*) from controllers) as controllers,
        (select count(*) from shard_leases where holder is not null) as leases`,
    ),
};

const enrolment: ControllerHistory = (() => {
  const tokens = new WeakMap<MortalSite, Awaited<ReturnType<typeof tokenFor>>>();
  return {
    name: 'controller enrolment',
    ground: 'controller',
    before: async (site) => {
      tokens.set(site, await tokenFor(site, NAMES.length));
    },
    act: async (site) => {
      const token = tokens.get(site);
      if (token === undefined) return;
      for (const name of NAMES) {
        const key = generateSigningKey();
        // The device asks again under its key when no answer came.
        const enrolled = await site.controller.persist(() =>
          enrolDevice(site.controller.url, { name, key, token }),
        );
        const home = new Home(Home.stateOf(enrolled, key), site.addresses);
        site.homes.push(home);
        await home.start();
      }
      await site.atRest();
    },
    outcome: async (site) => ({
      devices: await rows(site, 'select device, device_group, desired_version from devices order by device'),
      tokens: await rows(site, 'select uses_left from fleet_tokens'),
      clients: (await site.broker.rights()).clients.length,
    }),
  };
})();

const records: ControllerHistory = {
  name: 'controller records',
  ground: 'homes',
  act: async (site) => {
    for (const text of TEXTS.slice(0, 4)) for (const home of site.homes) await home.decide(text);
    await waitingIsOver(site);
  },
  outcome: (site) =>
    rows(site, "select device, count(*) from events where type = 'decision' group by 1 order by 1"),
};

const questions: ControllerHistory = {
  name: 'controller questions',
  ground: 'tiers',
  act: async (site) => {
    const asked: { home: Home; id: Uuid }[] = [];
    for (const home of site.homes) asked.push({ home, id: await home.decide(STRANGE) });
    await site.until('the questions are answered', () =>
      asked.every(({ home, id }) => FINAL.has(home.agent.decision(id)?.offload.status ?? '')),
    );
    await waitingIsOver(site);
  },
  outcome: (site) =>
    rows(
      site,
      'select device, status, label, tier, text, count(*) from offloads group by 1, 2, 3, 4, 5 order by 1',
    ),
};

const command: ControllerHistory = {
  name: 'controller command',
  ground: 'homes',
  act: async (site) => {
    const body = { id: JOB, task: 'wipe-examples', target: { all: true }, timeoutMs: 600_000 } as const;
    const wiped = site.homes.map((home) => refillOnceWiped(site, home));
    await site.controller.call('makeJob', { body });
    await site.until('the job is over', async () => {
      const { counts } = await site.controller.call('job', { params: { job: JOB } });
      return counts.succeeded === NAMES.length;
    });
    await Promise.all(wiped);
  },
  outcome: async (site) => ({
    executions: await rows(
      site,
      'select device, execution, status, said_late from job_executions order by device',
    ),
    // What was learnt after the first execution: a second one would have taken it.
    examples: site.homes.map(({ agent }) => agent.examples().total),
  }),
};

const refillOnceWiped = async (site: MortalSite, { agent }: Home): Promise<void> => {
  await site.until('the examples are wiped', () => agent.examples().total === 0);
  agent.teach({ text: TEXTS[0] ?? '', label: ONE.manifest.labels.names[0] ?? '' });
};

const revocation: ControllerHistory = {
  name: 'controller revocation',
  ground: 'homes',
  act: async (site) => {
    const [revoked, other] = site.homes;
    await site.controller.call('revokeDevice', { params: { device: NAMES[0] as (typeof NAMES)[number] } });
    await site.until('it is cut off', () => revoked?.agent.status().link !== 'connected');
    await other?.decide(TEXTS[0] ?? '');
    await site.until('the other one is heard', () => other?.agent.status().waiting === 0);
    await site.until('it has no rights', async () =>
      clientsOf(site, NAMES[0] ?? '').then((count) => count === 0),
    );
  },
  outcome: async (site) => ({
    devices: await rows(
      site,
      `select device, revoked_at is null as living, credential_hash is null as locked, is_online from devices
        order by device`,
    ),
    links: site.homes.map(({ agent }) => agent.status().link === 'connected'),
  }),
};

const clientsOf = async ({ broker }: MortalSite, name: string): Promise<number> =>
  (await broker.rights()).clients.filter(({ username }) => username.endsWith(`.${name}`)).length;

const metadata: ControllerHistory = {
  name: 'controller metadata',
  ground: 'homes',
  act: async (site) => {
    for (const releases of [[ONE], [ONE, TWO]]) {
      await publish(site, releases);
      await site.until('the devices follow', async () => {
        const behind = await rows(
          site,
          `select 1 from devices where followed_root is distinct from ${releases.length}`,
        );
        return behind.length === 0;
      });
    }
    await site.atRest();
  },
  outcome: (site) =>
    rows(
      site,
      "select role, version, count(*) from release_metadata where role <> 'timestamp' group by 1, 2 order by 1, 2",
    ),
};

/** Puts what is signed in place; whoever gets no answer looks whether it is there. */
const publish = async ({ controller }: MortalSite, releases: readonly (typeof ONE)[]): Promise<void> => {
  const version = releases.length;
  const { controllerKeys, fleet } = await controller.call('trust');
  const publicKey = Buffer.from(controllerKeys[0] ?? '', 'base64');
  const signers = { fleet, publisher, controller: { publicKey, fingerprint: fingerprintOf(publicKey) } };
  const { roots, snapshot, targets } = signedMetadata(signers, releases);
  const body = {
    roots: roots.slice(version - 1).map(String),
    releases: { targets: targets.toString(), snapshot: snapshot.toString() },
  };
  await controller.persist(async () => {
    const { roles } = await controller.once('trust');
    const isThere = roles.some((role) => role.role === 'targets' && role.version === version);
    if (!isThere) await controller.once('putMetadata', { body });
  });
};

const waitingIsOver = (site: MortalSite): Promise<void> =>
  site.until('nothing waits to be delivered', () =>
    site.homes.every(({ agent }) => agent.status().waiting === 0),
  );

/** All stories, in the order of a fleet's life. */
export const CONTROLLER_HISTORIES: readonly ControllerHistory[] = [
  startHistory,
  enrolment,
  records,
  questions,
  command,
  rolloutHistory,
  rollbackHistory,
  roundHistory,
  metadata,
  revocation,
];
