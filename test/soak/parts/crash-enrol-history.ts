// The story of an enrolment over an earlier one: whoever finds an identity finds a whole one, and enrolling again ends it.
import { findCertificate, findIdentity, keepEnrolment } from '@nanofleet/agent';
import { toNanofleetError } from '@nanofleet/protocol';
import { MemoryDisk } from '@nanofleet/runtime/testing';
import { identity } from './crash-device.ts';
import type { History } from './crash-story.ts';

const DIRECTORY = '/state';
const LETTERS = 'A'.repeat(800);
const pem = (what: string): string =>
  `-----BEGIN CERTIFICATE-----\n${what}${LETTERS}\n-----END CERTIFICATE-----\n`;

/** What the n-th enrolment gives. */
const enrolmentOf = (nth: number) => ({
  identity: { ...identity, credential: `secret ${nth}` },
  certificate: {
    ...{ certificate: pem(`device ${nth}`), authorities: pem(`fleet ${nth}`), lifetimeMs: 1_000 },
    ...{ isPinned: true, takenAtMs: null },
  },
});

const before = enrolmentOf(1);
const after = enrolmentOf(2);

/** Whether an identity is one of the two, whole. */
const isKnown = (found: unknown): boolean =>
  [before.identity, after.identity].some((known) => JSON.stringify(known) === JSON.stringify(found));

/** Enrolling a device that was enrolled before. */
export const enrolHistory: History = {
  name: 'enrol',
  prepare: () => {
    const disk = new MemoryDisk();
    disk.makeDirectory(DIRECTORY);
    keepEnrolment(disk, DIRECTORY, before);
    return Promise.resolve(disk);
  },
  play: (disk) => {
    let isDone = false;
    try {
      keepEnrolment(disk, DIRECTORY, after);
      isDone = true;
    } catch {
      // The command says that it has failed, and whoever gave it gives it again.
    }
    return Promise.resolve((found) => Promise.resolve(judge(found, isDone)));
  },
};

const judge = (found: MemoryDisk, isDone: boolean): string[] => {
  try {
    const identityFound = findIdentity(found, DIRECTORY);
    findCertificate(found, DIRECTORY);
    const isNew = identityFound?.credential === after.identity.credential;
    const faults = isKnown(identityFound) ? [] : ['the identity is neither the old one nor the new one'];
    if (isDone && !isNew) faults.push('the enrolment was done, and is lost');
    if (isNew && findCertificate(found, DIRECTORY)?.certificate !== after.certificate.certificate)
      faults.push('the new identity has another certificate');
    keepEnrolment(found, DIRECTORY, after);
    if (findIdentity(found, DIRECTORY)?.credential !== after.identity.credential)
      faults.push('enrolling again does not enrol');
    return faults;
  } catch (thrown) {
    return [`the state cannot be read: ${toNanofleetError(thrown).message}`];
  }
};
