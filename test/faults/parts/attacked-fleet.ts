/**
 * A fleet under attack: a controller that lies, one real agent, and its publisher with the operators' command. Owns how releases are made,
 * listed and asked for, and how operators see what came of it; no expectation of a single attack.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ApiAnswer,
  deviceIdSchema,
  lineIdSchema,
  type MetadataRole,
  type ModelTarget,
  metadataHead,
  metadataName,
  modelStatement,
  NanofleetError,
  TIMESTAMP_NAME,
  targetPath,
} from '@nanofleet/protocol';
import {
  generateSigningKey,
  linkTo,
  makeMetadata,
  readMetadata,
  type SigningKey,
  writeSigningKey,
} from '@nanofleet/protocol/node';
import { expect } from 'vitest';
import { mustEnrol, startAgentHere, type TestAgent, untilConnected } from './agents.ts';
import { signedBundle, type TestBundle } from './bundles.ts';
import { scratchDirectory } from './clone.ts';
import { LyingController } from './lying-controller.ts';
import { runNanofleet } from './operators-command.ts';

export const DEVICE = deviceIdSchema.parse('home-1');
const LINE = lineIdSchema.parse('intent');
const YEAR_MS = 365 * 86_400_000;

type Shown = ApiAnswer<'device'>;

/** The fleet. */
export class AttackedFleet {
  readonly scratch = scratchDirectory();
  readonly publisher = generateSigningKey();
  #releases = 1;
  #liar: LyingController | null = null;
  #agent: TestAgent | null = null;
  /** What orders say of the newest root. */
  root = 1;
  /** How far the operators' clock is ahead. */
  aheadMs = 0;

  /** Starts all of it: the agent runs a release that was shipped with it, and the metadata has begun. */
  static async start(): Promise<AttackedFleet> {
    const fleet = new AttackedFleet();
    await fleet.#start();
    return fleet;
  }

  get liar(): LyingController {
    if (this.#liar === null) throw new TypeError('the fleet has not been started');
    return this.#liar;
  }

  get agent(): TestAgent {
    if (this.#agent === null) throw new TypeError('the fleet has not been started');
    return this.#agent;
  }

  /** A profile of the operators' command that signs with a key and is logged in. */
  async profile(name: string, key: SigningKey): Promise<void> {
    const { directory, url } = this.liar.honest;
    await writeSigningKey(join(this.scratch, name, 'publisher.key'), key);
    const publicKey = Buffer.from(key.publicKey).toString('base64');
    writeFileSync(join(this.scratch, name, 'publisher.pub'), publicKey);
    await this.nanofleet(name, 'login', url, '--token-file', join(directory, 'admin-token'));
  }

  /** Runs the operators' command by a profile; what it shows. */
  async nanofleet(profile: string, ...argv: string[]): Promise<string> {
    const { aheadMs, scratch: home } = this;
    const { code, err, out } = await runNanofleet(argv, { home, profile: join(home, profile), aheadMs });
    if (code !== 0) throw new NanofleetError('INTERNAL', `${argv.join(' ')}: ${err}`);
    return out;
  }

  /** A directory and release counter for the next release. */
  next(): { to: string; releaseCounter: number } {
    this.#releases += 1;
    return { to: join(this.scratch, `intent-${this.#releases}`), releaseCounter: this.#releases };
  }

  /** A later release that nobody has listed. */
  signed(): TestBundle {
    return signedBundle({ from: 'household-2', key: this.publisher, ...this.next() });
  }

  /** A later release that the publisher lists. */
  async released(...flags: string[]): Promise<TestBundle> {
    const bundle = this.signed();
    await this.nanofleet('publisher', 'models', 'push', bundle.directory, ...flags);
    return bundle;
  }

  /** Asks the device for a release, in the controller's name. */
  order({ digest, manifest }: TestBundle, change: object = {}, said: { issuedAt?: number } = {}): void {
    const { bytes, releaseCounter } = modelStatement(manifest, 'any');
    const lines = { [LINE]: { digest, releaseCounter, bytes, ...change } };
    const issuedAt = Date.now() + this.aheadMs;
    this.liar.order(DEVICE, { lines, metadata: { root: this.root }, issuedAt, ...said });
  }

  /** What operators see of the device. */
  shown(): Promise<Shown> {
    return this.liar.honest.call('device', { params: { device: DEVICE } });
  }

  /** What operators see of its line. */
  async line(): Promise<Shown['lines'][typeof LINE] | undefined> {
    return (await this.shown()).lines[LINE];
  }

  /** Asks for a release; the code with which operators see that the device refused it, and runs what it ran before. */
  async refusalOf(bundle: TestBundle, change: object = {}): Promise<string | undefined> {
    const running = (await this.agent.status()).lines[LINE]?.running?.digest;
    this.order(bundle, change);
    await expect
      .poll(() => this.line())
      .toMatchObject({ step: 'refused', refused: { digest: bundle.digest } });
    const after = await this.line();
    expect(after?.running?.digest).toBe(running);
    return after?.refused?.code;
  }

  /** Waits until operators see a problem of the device. */
  async untilProblem(code: string): Promise<void> {
    await expect
      .poll(async () => (await this.shown()).problems.map((problem) => problem.code))
      .toContain(code);
  }

  /** Waits until a release is committed and nothing is wrong; the line then. */
  async untilRuns({ digest }: TestBundle): Promise<Shown['lines'][typeof LINE] | undefined> {
    await expect
      .poll(() => this.line())
      .toMatchObject({ running: { digest }, step: 'settled', committed: digest });
    await expect.poll(async () => (await this.shown()).problems).toEqual([]);
    return this.line();
  }

  /** Name of the newest document of a role. */
  async nameOf(role: Exclude<MetadataRole, 'timestamp'>): Promise<string> {
    const { roles } = await this.liar.honest.call('trust');
    return metadataName(role, roles.find((one) => one.role === role)?.version ?? 0);
  }

  async document(name: string): Promise<Buffer> {
    return Buffer.from((await this.liar.honest.call('metadata', { params: { name } })).document);
  }

  /** Targets that list one more release, and their snapshot, signed by a key; in place of the newest or not. */
  async listing(
    key: SigningKey,
    bundle: Pick<TestBundle, 'digest' | 'manifest'>,
    change: Partial<ModelTarget> = {},
  ): Promise<{ targets: Buffer; snapshot: Buffer; version: { targets: number; snapshot: number } }> {
    const before = readMetadata('targets', await this.document(await this.nameOf('targets'))).signed;
    const snapshotBefore = readMetadata(
      'snapshot',
      await this.document(await this.nameOf('snapshot')),
    ).signed;
    const { fleet } = before;
    const expiresAtMs = Date.now() + this.aheadMs + YEAR_MS;
    const version = { targets: before.version + 1, snapshot: snapshotBefore.version + 1 };
    const custom = { ...modelStatement(bundle.manifest, 'any'), ...change };
    const target = { length: 1, hashes: { sha256: bundle.digest }, custom };
    const targets = makeMetadata(
      {
        ...metadataHead('targets', { fleet, version: version.targets, expiresAtMs }),
        targets: { ...before.targets, [targetPath('model', bundle.digest)]: target },
      },
      [key],
    );
    const snapshot = makeMetadata(
      {
        ...metadataHead('snapshot', { fleet, version: version.snapshot, expiresAtMs }),
        meta: { 'targets.json': linkTo(readMetadata('targets', targets)) },
      },
      [key],
    );
    return { targets, snapshot, version };
  }

  /** A publisher lists a release by hand, as it is or otherwise. */
  async list(
    bundle: Pick<TestBundle, 'digest' | 'manifest'>,
    change: Partial<ModelTarget> = {},
  ): Promise<void> {
    const { snapshot, targets } = await this.listing(this.publisher, bundle, change);
    const releases = { targets: targets.toString(), snapshot: snapshot.toString() };
    await this.liar.honest.call('putMetadata', { body: { roots: [], releases } });
  }

  /** Serves a listing that the controller would not take, with a timestamp that its stolen key has signed. */
  async serve({ snapshot, targets, version }: Awaited<ReturnType<AttackedFleet['listing']>>): Promise<void> {
    const { lies, key } = this.liar;
    const { signed } = readMetadata('timestamp', await this.document(TIMESTAMP_NAME));
    const meta = { 'snapshot.json': linkTo(readMetadata('snapshot', snapshot)) };
    lies.set(metadataName('targets', version.targets), targets);
    lies.set(metadataName('snapshot', version.snapshot), snapshot);
    lies.set(TIMESTAMP_NAME, makeMetadata({ ...signed, version: signed.version + 1, meta }, [key]));
  }

  async #start(): Promise<void> {
    const { publisher, scratch } = this;
    this.#liar = await LyingController.start({ publisher });
    await this.profile('publisher', publisher);
    await this.nanofleet('publisher', 'trust', 'init');
    const bundles = join(scratch, 'bundles');
    signedBundle({ from: 'household-1', to: join(bundles, 'household-1'), key: publisher });
    const directory = join(scratch, DEVICE);
    await mustEnrol({ directory, token: await this.liar.fleetToken(), name: DEVICE });
    this.#agent = await startAgentHere(directory, '--bundles', bundles, '--probation-ms', '1000');
    await untilConnected(this.#agent);
  }
}
