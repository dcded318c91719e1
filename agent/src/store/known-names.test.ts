// Behaviour of the file of known names: what it means, and how a wrong one is told.
import { MemoryDisk } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { writeAtomically } from './atomic-file.ts';
import { readKnownNames } from './known-names.ts';

const diskWith = (content: string): MemoryDisk => {
  const disk = new MemoryDisk();
  writeAtomically(disk, 'names.json', content);
  return disk;
};

describe('readKnownNames', () => {
  it('reads things with all their names', () => {
    const disk = diskWith('{"areas": [["living room", "lounge"]]}');
    expect(readKnownNames(disk, 'names.json')).toEqual({
      areas: [{ names: ['living room', 'lounge'] }],
      devices: [],
    });
  });

  it.each([
    ['{', 'not JSON'],
    ['{"areas": ["kitchen"]}', 'areas.0'],
    ['{"devices": [[]]}', 'devices.0'],
    ['{"devices": [[" "]]}', 'devices.0.0'],
  ])('tells what is wrong with %s', (content, problem) => {
    expect(() => readKnownNames(diskWith(content), 'names.json')).toThrow(`names.json: ${problem}`);
  });

  it('tells that there is no file', () => {
    expect(() => readKnownNames(new MemoryDisk(), 'names.json')).toThrow('no such file');
  });
});
