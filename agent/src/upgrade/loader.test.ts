// The loader as a process, with programs of a few lines in place of agents: what it starts, passes on, counts and gives up.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Of } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BootState, FRESH_BOOT } from './boot-state.ts';

const LOADER = join(import.meta.dirname, '..', '..', 'install', 'agent-loader.mjs');
const DIGEST = 'd'.repeat(64);
/** Says that it was started, then what the rest says. */
const program = (name: string, rest: string): string =>
  `import { appendFileSync } from 'node:fs';
const dir = process.argv[process.argv.indexOf('--dir') + 1];
const say = (what) => appendFileSync(\`\${dir}/seen\`, what + '\\n');
say(['${name}', ...process.argv.slice(2).filter((word) => word !== dir)].join(' '));
${rest}
`;
const STAYING = `process.on('SIGTERM', () => process.exit(5));
process.on('disconnect', () => { say('alone'); process.exit(0); });
setInterval(() => undefined, 1_000);
say('listens');`;

let scratch = '';
let state = '';
const children: ChildProcess[] = [];

const install = (rest: string): void =>
  writeFileSync(join(scratch, 'installed', 'nanofleet-agent.mjs'), program('installed', rest));

/** Puts a release on the disk, and the state that names it. */
const release = (rest: string, boot: (staged: NonNullable<BootState['committed']>) => object): void => {
  const text = program('release', rest);
  const place = join(state, 'agent', 'versions', DIGEST);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'nanofleet-agent.mjs'), text);
  const staged = {
    ...{ digest: DIGEST, version: '0.2.0' },
    files: [{ name: 'nanofleet-agent.mjs', sha256: sha256Of(text) }],
  } as NonNullable<BootState['committed']>;
  writeFileSync(join(state, 'agent', 'boot.json'), JSON.stringify({ ...FRESH_BOOT, ...boot(staged) }));
};
const onTrial =
  (starts = 0) =>
  (staged: NonNullable<BootState['committed']>) => ({ trial: { ...staged, order: 4, starts } });

const start = (...own: string[]): ChildProcess => {
  const loader = join(scratch, 'installed', 'agent-loader.mjs');
  const child = spawn(process.execPath, [loader, ...own, 'run', '--dir', state], { stdio: 'ignore' });
  children.push(child);
  return child;
};
const codeOf = async (child: ChildProcess): Promise<unknown> => ((await once(child, 'exit')) as unknown[])[0];
const seen = (): string[] =>
  existsSync(join(state, 'seen')) ? readFileSync(join(state, 'seen'), 'utf8').trim().split('\n') : [];
const bootNow = (): BootState =>
  JSON.parse(readFileSync(join(state, 'agent', 'boot.json'), 'utf8')) as BootState;
const INSTALLED = 'installed run --dir --loader 1';
const RELEASE = `release run --dir --loader 1 --release ${DIGEST}`;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'nf-loader-'));
  state = join(scratch, 'state');
  mkdirSync(state);
  mkdirSync(join(scratch, 'installed', 'node_modules', 'onnxruntime-common'), { recursive: true });
  cpSync(LOADER, join(scratch, 'installed', 'agent-loader.mjs'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});

describe('the loader', () => {
  it('starts what was installed, and ends as that ends', async () => {
    install('process.exit(7);');
    expect(await codeOf(start())).toBe(7);
    expect(seen()).toEqual([INSTALLED]);
    expect(existsSync(join(state, 'agent'))).toBe(false);
  });

  it('starts what is committed, where it finds what the installed agent finds', async () => {
    install('process.exit(7);');
    release('process.exit(8);', (committed) => ({ committed }));
    expect(await codeOf(start())).toBe(8);
    expect(seen()).toEqual([RELEASE]);
    expect(existsSync(join(state, 'agent', 'versions', 'node_modules', 'onnxruntime-common'))).toBe(true);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'passes %s on, and does not count that end',
    async (signal) => {
      install('process.exit(7);');
      release(STAYING.replace('SIGTERM', signal), onTrial());
      const child = start();
      await eventually(() => expect(seen()).toEqual([RELEASE, 'listens']));
      expect(bootNow().trial?.starts).toBe(1);
      child.kill(signal);
      expect(await codeOf(child)).toBe(5);
      expect(bootNow().trial?.starts).toBe(0);
    },
  );

  it('counts each start on probation before it makes it, and gives up after the third', async () => {
    install('process.exit(7);');
    release('process.exit(3);', onTrial());
    expect(await codeOf(start())).toBe(7);
    expect(seen()).toEqual([RELEASE, RELEASE, RELEASE, INSTALLED]);
    expect(bootNow()).toMatchObject({
      trial: null,
      refused: { digest: DIGEST, order: 4, code: 'AGENT_START_FAILED' },
    });
  });

  it('counts starts that a power cut has ended', async () => {
    install('process.exit(7);');
    release('process.exit(3);', onTrial(2));
    expect(await codeOf(start())).toBe(7);
    expect(seen()).toEqual([RELEASE, INSTALLED]);
  });

  it('ends what is not committed in time, and starts the one before', async () => {
    install('process.exit(7);');
    release(STAYING, onTrial());
    expect(await codeOf(start('--probation-ms', '300'))).toBe(7);
    expect(seen().at(-1)).toBe(INSTALLED);
    expect(bootNow()).toMatchObject({ trial: null, refused: { code: 'AGENT_NO_CONTACT', order: 4 } });
  });

  it('starts what was staged when the agent asks for it', async () => {
    install(
      `import { renameSync } from 'node:fs';
       renameSync(\`\${dir}/staged.json\`, \`\${dir}/agent/boot.json\`);
       process.exit(86);`,
    );
    release('process.exit(0);', onTrial());
    cpSync(join(state, 'agent', 'boot.json'), join(state, 'staged.json'));
    writeFileSync(join(state, 'agent', 'boot.json'), JSON.stringify(FRESH_BOOT));
    expect(await codeOf(start())).toBe(0);
    expect(seen()).toEqual([INSTALLED, RELEASE]);
  });

  it('starts the installed agent when a file of a release has changed, and says so', async () => {
    install('process.exit(7);');
    release('process.exit(8);', (committed) => ({ committed }));
    writeFileSync(join(state, 'agent', 'versions', DIGEST, 'nanofleet-agent.mjs'), 'process.exit(9);');
    expect(await codeOf(start())).toBe(7);
    expect(bootNow()).toMatchObject({ committed: null, refused: { code: 'AGENT_DAMAGED', order: 0 } });
  });

  it.each([
    ['its state is not JSON', () => writeFileSync(join(state, 'agent', 'boot.json'), '{"format":')],
    ['a start cannot be counted', () => mkdirSync(join(state, 'agent', 'boot.json.new'))],
  ])('starts the installed agent when %s', async (_why, spoil) => {
    install('process.exit(7);');
    release('process.exit(8);', onTrial());
    spoil();
    expect(await codeOf(start())).toBe(7);
    expect(seen()).toEqual([INSTALLED]);
  });

  it('prefers what was installed by hand since', async () => {
    install('process.exit(7);');
    release('process.exit(8);', (committed) => ({ committed, base: 'a'.repeat(64) }));
    expect(await codeOf(start())).toBe(7);
    expect(bootNow()).toMatchObject({ committed: null, trial: null });
  });

  it('lets an agent know when it is gone', async () => {
    install(STAYING);
    const child = start();
    await eventually(() => expect(seen()).toEqual([INSTALLED, 'listens']));
    child.kill('SIGKILL');
    await eventually(() => expect(seen()).toEqual([INSTALLED, 'listens', 'alone']));
  });

  it('runs other commands as the version that is committed, in its own process', async () => {
    install('process.exit(7);');
    release('process.exit(process.send === undefined ? 8 : 9);', (committed) => ({ committed }));
    const loader = join(scratch, 'installed', 'agent-loader.mjs');
    const child = spawn(process.execPath, [loader, 'status', '--dir', state], { stdio: 'ignore' });
    expect(await codeOf(child)).toBe(8);
    expect(seen()).toEqual(['release status --dir']);
  });
});
