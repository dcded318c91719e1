import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { enrol, runAgentCommand, writeLoneIdentity } from './parts/agents.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController } from './parts/controller.ts';

const scratch = scratchDirectory();
const findingsSchema = z.object({
  findings: z.array(
    z.object({ check: z.string(), state: z.string(), found: z.string(), todo: z.string().nullable() }),
  ),
});

const examine = async (...args: string[]) => {
  const { code, out } = await runAgentCommand('doctor', '--json', ...args);
  const { findings } = findingsSchema.parse(JSON.parse(out));
  return { code, findings, wrong: findings.filter(({ state }) => state === 'wrong') };
};

describe('doctor', () => {
  it('finds nothing wrong with an enrolled device whose controller runs', async () => {
    const controller = await startTestController();
    const directory = join(scratch, 'well');
    await enrol({ directory, token: await controller.fleetToken(), name: 'well' });
    const { code, findings, wrong } = await examine('--dir', directory);
    expect(wrong).toEqual([]);
    expect(code).toBe(0);
    expect(findings.map(({ check }) => check)).toEqual([
      'config',
      'state',
      'identity',
      'controller',
      'broker',
      'clock',
      'disk',
      'memory',
      'engine',
    ]);
  });

  it('says what is wrong and what to do, every mistake with its line, and exits with 1', async () => {
    const directory = join(scratch, 'ill');
    writeLoneIdentity(directory, { publisher: 'a'.repeat(64) });
    writeFileSync(join(directory, 'agent.yaml'), 'version: 1\nbeatsMs: 100\nlearning: maybe\n');
    const { code, wrong } = await examine('--dir', directory);
    expect(code).toBe(1);
    expect(wrong.map(({ check }) => check)).toEqual(['config', 'config', 'controller', 'broker']);
    expect(wrong[0]?.found).toMatch(
      /agent\.yaml:2:1: beatsMs there is no key "beatsMs" here; did you mean "beatMs"\?$/,
    );
    expect(wrong[1]?.found).toMatch(/agent\.yaml:3:11: learning is "maybe": expected boolean/);
    expect(wrong.every(({ todo }) => todo !== null && todo !== '')).toBe(true);
  });

  it('tells a person the same in words, and how to enrol', async () => {
    const { code, out } = await runAgentCommand('doctor', '--dir', join(scratch, 'new'));
    expect(code).toBe(1);
    expect(out).toMatch(/^WRONG {2}state +there is no directory /m);
    expect(out).toMatch(/^WRONG {2}identity +the device is not enrolled\n +nanofleet-agent enrol --dir /m);
  });

  it('names a file of settings that is not there', async () => {
    const { wrong } = await examine('--dir', join(scratch, 'new'), '--config', join(scratch, 'none.yaml'));
    expect(wrong[0]?.found).toContain('there is no file');
  });
});

it('run refuses a file with a mistake before anything starts', async () => {
  const directory = join(scratch, 'refused');
  writeLoneIdentity(directory, { publisher: 'a'.repeat(64) });
  writeFileSync(join(directory, 'agent.yaml'), 'version: 1\nlisten: { http: many }\n');
  const { code, err } = await runAgentCommand('run', '--dir', directory);
  expect(code).toBe(1);
  expect(err).toMatch(/^CONFIG_INVALID .*\n.*agent\.yaml:2:17: listen\.http is "many": expected number/);
});
