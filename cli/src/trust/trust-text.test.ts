// What publishers read of metadata before they sign, and the bound of what they list.
import { fleetIdSchema, metadataHead, TARGETS_MAX, type Target, targetPath } from '@nanofleet/protocol';
import { generateSigningKey, makeMetadata, readMetadata, sha256Of } from '@nanofleet/protocol/node';
import { describe, expect, it } from 'vitest';
import { type Releases, targetsOf } from './make-metadata.ts';
import { changeLines, trustLines } from './trust-text.ts';

const fleet = fleetIdSchema.parse('home');
const key = generateSigningKey();
const NOW = Date.UTC(2026, 0, 1);

const release = (releaseCounter: number, hardware = 'any'): [string, Target] => {
  const digest = sha256Of(String(releaseCounter));
  const version = `${releaseCounter}.0.0`;
  const custom = { kind: 'model', line: 'intent', version, releaseCounter, bytes: 1, hardware, quality: [] };
  const target = { length: 1, hashes: { sha256: digest }, custom };
  return [targetPath('model', digest), target as unknown as Target];
};
const documentOf = (releases: Releases) =>
  readMetadata('targets', makeMetadata(targetsOf(releases, { fleet, version: 1, nowMs: NOW }), [key]));

describe('targets in words', () => {
  it('say what is listed, what is listed otherwise, and what is withdrawn', () => {
    const before = documentOf(Object.fromEntries([release(1), release(2)]));
    const after = documentOf(Object.fromEntries([release(2, 'linux-arm64'), release(3)]));
    const lines = changeLines(before, after).map((line) => line.replace(/ [0-9a-f]+…?$/, ''));
    expect(lines.toSorted()).toEqual([
      'lists      intent 2.0.0 (release 2, linux-arm64)',
      'lists      intent 3.0.0 (release 3, any)',
      'withdraws  intent 1.0.0 (release 1, any)',
    ]);
    expect(changeLines(before, before)).toEqual([]);
    expect(changeLines(null, before)).toHaveLength(2);
  });

  it('are bounded, and say what to do at the bound', () => {
    const many = Object.fromEntries(Array.from({ length: TARGETS_MAX + 1 }, (_, at) => release(at + 1)));
    expect(() => targetsOf(many, { fleet, version: 1, nowMs: NOW })).toThrow('nanofleet trust withdraw');
  });
});

describe('metadata in words', () => {
  const devices = { following: 2, behind: 1, names: [] };

  it('says that there is none', () => {
    const none = { fleet, roles: [], controllerKeys: [], targets: 0, devices };
    expect(trustLines(none).join()).toContain('no release metadata');
  });

  it('says who must sign, until when, and how far devices are', () => {
    const { fingerprint } = key;
    const head = metadataHead('root', { fleet, version: 4, expiresAtMs: NOW });
    const { version } = head;
    const role = { role: 'root' as const, version, expiresAt: NOW, keyIds: [fingerprint], threshold: 1 };
    const lines = trustLines({ fleet, roles: [role], controllerKeys: [], targets: 7, devices }).join('\n');
    expect(lines).toMatch(/^root {7}version 4, until 2026-01-01/);
    expect(lines).toContain('1 of 1: ');
    expect(lines).toContain('7 releases are listed.');
    expect(lines).toContain('2 of 3 devices have followed the newest root.');
  });
});
