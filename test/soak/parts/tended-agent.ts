// One real agent under a real controller over TLS, and what an operator does with it again and again: asks, releases, rounds.
// Owns both processes and their directory; judges nothing.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOCAL_PATHS, lineIdSchema, NanofleetError } from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { z } from 'zod';
import { LeanClient } from '../../bench/parts/lean-client.ts';
import { signedBundle } from '../../faults/parts/bundles.ts';
import { CLONE } from '../../faults/parts/clone.ts';
import { sendRaw } from '../../faults/parts/http.ts';
import { pushBundle } from '../../faults/parts/operator.ts';
import { forgetPeak, peakOf } from '../../load/process-use.ts';
import { SecureAgent } from '../../load/secure-agent.ts';
import { SecureSite } from '../../load/secure-site.ts';

const LINE = lineIdSchema.parse('intent');
/** Of the first home of the corpus. */
const EXAMPLES = 100;
const STEP_WITHIN_MS = 120_000;
const spokenSchema = z.object({ text: z.string(), intent: z.string() });

const spokenIn = (part: 'devices' | 'controller'): z.infer<typeof spokenSchema>[] =>
  readFileSync(CLONE.corpus(part), 'utf8')
    .trim()
    .split('\n')
    .map((line) => spokenSchema.parse(JSON.parse(line)));

/** An agent with the two shipped lines, and its controller. */
export class TendedAgent {
  readonly agent: SecureAgent;
  readonly #site: SecureSite;
  readonly #directory: string;
  readonly #client: LeanClient;
  readonly #texts = spokenIn('devices').map(({ text }) => JSON.stringify({ text }));
  #asked = 0;
  #counter = 1;
  #failed: string | undefined;

  private constructor(parts: {
    agent: SecureAgent;
    site: SecureSite;
    directory: string;
    client: LeanClient;
  }) {
    this.agent = parts.agent;
    this.#site = parts.site;
    this.#directory = parts.directory;
    this.#client = parts.client;
  }

  /** Starts both; the agent has labelled examples for rounds. */
  static async open(args: readonly string[]): Promise<TendedAgent> {
    const directory = await mkdtemp(join(tmpdir(), 'nanofleet-tended-'));
    const publisher = generateSigningKey();
    const site = await SecureSite.open({ directory: join(directory, 'controller'), publisher });
    const agent = await SecureAgent.start({ site, directory, name: 'tended', args });
    const client = await LeanClient.open(agent.socket);
    const tended = new TendedAgent({ agent, site, directory, client });
    await tended.release();
    await tended.#teach();
    return tended;
  }

  /** So many decisions, one after the other. */
  async decide(count: number): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      this.#asked += 1;
      await this.#client.post(LOCAL_PATHS.decide, this.#texts[this.#asked % this.#texts.length] ?? '');
    }
  }

  /** A next version of the text line, until the agent has committed it. */
  async release(): Promise<void> {
    this.#counter += 1;
    const to = join(this.#directory, `release-${this.#counter}`);
    const release = { from: 'household-1', to, key: this.#site.publisher, releaseCounter: this.#counter };
    const bundle = signedBundle(release);
    await pushBundle((route, call) => this.#site.call(route, call), bundle);
    await this.#site.call('makeRollout', { body: { digest: bundle.digest, target: { all: true } } });
    await this.agent.until(({ lines }) => lines[LINE]?.committed === bundle.digest, STEP_WITHIN_MS);
    await rm(to, { recursive: true, force: true });
  }

  /** A round with an update of this agent. Returns the agent's highest memory in it, bytes. */
  async round(): Promise<number> {
    forgetPeak(this.agent.pid);
    const settings = { updatesMin: 1, updatesMax: 1, overSelection: 1 };
    const { id } = await this.#site.call('startRound', { body: { line: LINE, settings } });
    const look = async (): Promise<void> => {
      const { problem, status } = await this.#site.call('round', { params: { id } });
      if (['failed', 'aborted'].includes(status)) this.#failed = `${status}: ${problem?.message ?? ''}`;
      if (status !== 'candidate' && this.#failed === undefined)
        throw new NanofleetError('INTERNAL', `the round is ${status}`);
    };
    await eventually(look, { withinMs: STEP_WITHIN_MS, everyMs: 50 });
    if (this.#failed !== undefined) throw new NanofleetError('INTERNAL', `the round ${this.#failed}`);
    return peakOf(this.agent.pid);
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.agent.stop();
    await this.#site.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #teach(): Promise<void> {
    const own = spokenIn('devices').slice(0, EXAMPLES);
    const names = new Set(own.map(({ intent }) => intent));
    for (const name of names) await this.#site.call('addIntent', { params: { line: LINE }, body: { name } });
    const examples = spokenIn('controller').map(({ intent, text }) => ({ intent, text }));
    await this.#site.call('putExamples', { params: { line: LINE }, body: { examples } });
    for (const { text, intent } of own)
      await eventually(() => this.#label({ text, label: intent }), { withinMs: STEP_WITHIN_MS });
  }

  async #label(body: { text: string; label: string }): Promise<void> {
    const path = LOCAL_PATHS.examples;
    const { status } = await sendRaw({ socketPath: this.agent.socket }, { path, body });
    if (status !== 200) throw new NanofleetError('INTERNAL', `an example was answered ${status}`);
  }
}
