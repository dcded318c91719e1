/**
 * One start from the command line to the exit code: lock, ports, fleet, story, comparison, life, end. Owns the order and
 * the texts around the story; the steps themselves are in story/.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { MANIFEST_FILE, type NanofleetError, parseManifest, toNanofleetError } from '@nanofleet/protocol';
import { bringUp, openLinks } from './bring-up.ts';
import { CommandLine } from './command-line.ts';
import {
  assumptionsOf,
  type ComparisonRow,
  comparisonLines,
  comparisonOf,
  type Usage,
} from './comparison.ts';
import { buildDashboard, dashboardLink } from './dashboard.ts';
import { lockDirectory } from './directory-lock.ts';
import { type DeviceName, Fleet } from './fleet.ts';
import { CLONE, Layout } from './layout.ts';
import { live } from './living.ts';
import type { Options } from './options.ts';
import { Screen } from './screen.ts';
import { StandInProvider } from './stand-in-provider.ts';
import { ASKS_CLOUD } from './story/asks-cloud.ts';
import { ASKS_MINI } from './story/asks-mini.ts';
import { badRelease } from './story/bad-release.ts';
import { CUT_LINK } from './story/cut-link.ts';
import { LEARN_TOGETHER } from './story/learn-together.ts';
import { Ledger } from './story/ledger.ts';
import { LOCAL_DECISION } from './story/local-decision.ts';
import { newVersion, type Release } from './story/new-version.ts';
import { type Played, playStep } from './story/play.ts';
import { PUMP_BEARING } from './story/pump-bearing.ts';
import { loaded } from './story/release.ts';
import type { Stage, Step } from './story/step.ts';
import { tampered } from './story/tampered.ts';
import { readUtterances } from './story/utterances.ts';
import type { World } from './world.ts';

const FIRST: DeviceName = 'home-1';

/** A start that is under way; `end` may be called at any time and more than once. */
export class Start {
  readonly #world: World;
  readonly #options: Options;
  readonly #screen: Screen;
  /** When the user's command began, milliseconds since 1970. */
  readonly #begunAt: number;
  #fleet: Fleet | null = null;
  #standIn: StandInProvider | null = null;
  #unlock: (() => void) | null = null;
  #ending: Promise<void> | null = null;

  constructor(world: World, options: Options, begunAt: number) {
    this.#world = world;
    this.#options = options;
    this.#screen = new Screen(world, options.json ? world.stderr : world.stdout);
    this.#begunAt = begunAt;
  }

  /** Runs to the end; the exit code. */
  async run(): Promise<number> {
    try {
      return await this.#run();
    } catch (thrown) {
      if (this.#ending !== null) return 130;
      const error = toNanofleetError(thrown);
      this.#tell(error);
      if (this.#options.once)
        this.#json({ ok: false, steps: [], error: { code: error.code, message: error.message } });
      return 1;
    } finally {
      await this.end();
    }
  }

  /** Ends every process. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#screen.working(null);
    await this.#fleet?.end();
    await this.#standIn?.close();
    this.#unlock?.();
  }

  async #run(): Promise<number> {
    const layout = new Layout(this.#options.directory);
    await mkdir(layout.directory, { recursive: true });
    this.#unlock = lockDirectory(layout.directory);
    this.#screen.line(
      this.#screen.paint('nanofleet', 'bold') +
        this.#screen.paint(
          `  one controller, five devices, ${this.#options.badRelease ? 'three' : 'eight'} scenes`,
          'dim',
        ),
    );
    const links = await openLinks(this.#screen, layout, this.#options);
    const standIn = await StandInProvider.start();
    this.#standIn = standIn;
    const commands = new CommandLine(this.#world, { file: CLONE.cli, profile: layout.publisher });
    const fleet = new Fleet({
      layout,
      ...links,
      commands,
      providerFile: await standIn.describeIn(layout.provider),
      onDeath: (name, how) =>
        this.#screen.line(this.#screen.paint(` ↻    ${name} died (${how}) and is started again`, 'yellow')),
    });
    this.#fleet = fleet;
    const utterances = await readUtterances(CLONE.utterances);
    const stage: Stage = {
      world: this.#world,
      fleet,
      screen: this.#screen,
      utterances,
      ledger: new Ledger(),
    };
    const { played, firstDecisionSeconds, page } = await this.#story(stage);
    const ok = played.every((step) => step.ok);
    const rows = await this.#compare(stage);
    if (this.#options.once) {
      this.#json(await this.#result(stage, { ok, played, firstDecisionSeconds, rows }));
      return ok ? 0 : 1;
    }
    this.#next(layout, (await page) ? await dashboardLink(fleet) : null);
    await live(stage, () => this.#ending !== null);
    return 0;
  }

  async #story(stage: Stage) {
    const { fleet, screen } = stage;
    const others = await bringUp(this.#world, fleet, screen);
    const first = await playStep(stage, LOCAL_DECISION, 1);
    const firstDecisionSeconds = this.#sinceCommand();
    // Nobody looks at the page of a start that ends by itself.
    const page = this.#options.once ? Promise.resolve(false) : buildDashboard(this.#world);
    screen.working('the other devices come up');
    await others();
    screen.working(null);
    const played: Played[] = [first];
    for (const [at, step] of this.#steps().entries()) played.push(await playStep(stage, step, at + 2));
    return { played, firstDecisionSeconds, page };
  }

  /** The steps after the first. */
  #steps(): Step[] {
    let release: Release | null = null;
    const released = newVersion((made) => {
      release = made;
    });
    if (this.#options.badRelease) return [released, badRelease(() => release)];
    const refused = tampered(() => release);
    return [ASKS_MINI, CUT_LINK, PUMP_BEARING, released, refused, LEARN_TOGETHER, ASKS_CLOUD];
  }

  async #compare(stage: Stage): Promise<ComparisonRow[]> {
    const { screen, fleet, ledger } = stage;
    const { up, down } = fleet.link.bytes;
    const manifest = parseManifest(await readFile(join(fleet.layout.bundle('household-1'), MANIFEST_FILE)));
    const usage: Usage = {
      ledger,
      linkBytes: up + down,
      labels: manifest.labels.names,
      modelBytes: fleet.web.bytes.down,
    };
    const rows = comparisonOf(usage);
    screen.line();
    const [heading = '', ...body] = comparisonLines(rows);
    screen.line(`   ${screen.paint(heading, 'dim')}`);
    for (const line of body) screen.line(`   ${line}`);
    for (const line of assumptionsOf(usage)) screen.line(`   ${screen.paint(line, 'dim')}`);
    return rows;
  }

  async #result(
    stage: Stage,
    seen: { ok: boolean; played: Played[]; firstDecisionSeconds: number; rows: ComparisonRow[] },
  ) {
    const evidenceOf = (name: string) => seen.played.find((step) => step.name === name)?.evidence ?? {};
    const { localAccuracy, outOfScopeSentOn, offloadsAtController, delivery } = evidenceOf('cut-link');
    const { newRecall, oldLossPoints, bytesPerParameter } = evidenceOf('learn-together');
    return {
      ok: seen.ok,
      steps: seen.played,
      seconds: this.#sinceCommand(),
      firstDecisionSeconds: seen.firstDecisionSeconds,
      loaded: await loaded(stage),
      answeredByMini: evidenceOf('asks-mini')['answeredByMini'],
      localAccuracy,
      outOfScopeSentOn,
      offloadsAtController,
      delivery,
      learned: { newRecall, oldLossPoints, bytesPerParameter },
      restarts: stage.fleet.restarts,
      comparison: seen.rows,
      directory: this.#options.directory,
    };
  }

  #next(layout: Layout, link: string | null): void {
    const screen = this.#screen;
    const profile = pathText(layout.publisher);
    const home = pathText(layout.agent(FIRST));
    const run = 'npx -y pnpm@12';
    screen.line();
    if (link !== null) {
      screen.line(`   ${screen.paint('the dashboard, signed in (this link works once)', 'dim')}`);
      screen.line(`   ${screen.paint(link, 'bold')}`);
      screen.line();
    }
    screen.line(screen.paint('   now try, in another terminal', 'dim'));
    screen.line(`   ${run} nanofleet devices ls --profile ${profile}`);
    screen.line(`   ${run} nanofleet dashboard --profile ${profile}`);
    screen.line(`   ${run} nanofleet events --follow --profile ${profile}`);
    screen.line(`   ${run} nanofleet-agent ask --dir ${home} "dim the lamp in the hall"`);
    screen.line();
  }

  #sinceCommand(): number {
    return Math.round(this.#world.now() - this.#begunAt) / 1000;
  }

  #json(value: unknown): void {
    this.#world.stdout.write(`${JSON.stringify(value)}\n`);
  }

  #tell(error: NanofleetError): void {
    this.#screen.working(null);
    this.#world.stderr.write(`${error.code}: ${error.message}\n`);
  }
}

/** A path as one would type it here. */
const pathText = (path: string): string => {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') ? path : near;
};
