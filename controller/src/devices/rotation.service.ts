/**
 * Rotation of the keys that devices trust: announces, tells devices in their desired states, shows who has not followed,
 * ends it when the overlap is over. Never holds a key.
 */
import { type ApiAnswer, type DeviceId, NanofleetError, type RotationPart } from '@nanofleet/protocol';
import type { CancelTimer, Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { AuthRepository } from '../auth/auth.repository.ts';
import { inBackground } from '../link/broker-rights.ts';
import { CLOCK } from '../ports/clock.ts';
import { LOG } from '../ports/log.ts';
import { Identity } from '../state/identity.ts';
import { TrustService } from '../trust/trust.service.ts';
import { DesiredService } from './desired.service.ts';
import { type DeviceRow, DevicesRepository } from './devices.repository.ts';

const LOOK_EVERY_MS = 60_000;

/** Whether a device has said that it knows the newest trust. */
const hasFollowed = (row: DeviceRow, version: number): boolean =>
  row.desiredState?.trust?.version === version && row.reportedVersion >= row.desiredVersion;

/** Rotations. */
@Injectable()
export class RotationService implements OnModuleInit, OnModuleDestroy {
  #cancel: CancelTimer = () => undefined;

  constructor(
    private readonly identity: Identity,
    private readonly desired: DesiredService,
    private readonly devices: DevicesRepository,
    private readonly fixtures: AuthRepository,
    private readonly metadata: TrustService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Begins to look whether an overlap is over. */
  onModuleInit(): void {
    this.#cancel = this.clock.after(LOOK_EVERY_MS, () => {
      inBackground(this.log, this.#look(), 'a rotation of keys could not be ended');
      this.onModuleInit();
    });
  }

  /** Looks no more. */
  onModuleDestroy(): void {
    this.#cancel();
  }

  /** Tells devices again what a crash may have kept from them, and ends what was over meanwhile. */
  async resume(): Promise<void> {
    await this.#look();
    if (this.identity.rotation !== null) await this.desired.refresh(null);
  }

  /** How it stands. */
  async show(): Promise<ApiAnswer<'rotation'>> {
    const { authorities, authority, keyId, rotation } = this.identity;
    const living = (await this.devices.all()).filter(({ revokedAt }) => revokedAt === null);
    const common = { authorities, devices: living.length };
    if (rotation === null)
      return {
        ...common,
        part: null,
        phase: 'none',
        startedAt: null,
        endsAt: null,
        current: keyId,
        next: null,
        behind: [],
      };
    const { endsAtMs, next, part, phase, startedAtMs } = rotation;
    return {
      ...{ ...common, part, next, startedAt: startedAtMs, endsAt: endsAtMs },
      phase: phase === 'announced' ? 'announced' : 'done',
      current: part === 'authority' ? (authority?.keyId ?? null) : keyId,
      behind: this.#behind(living, rotation.version),
    };
  }

  /**
   * Announces the next key of a part.
   * @throws NanofleetError SETTING_INVALID
   */
  async announce(part: RotationPart, overlapS: number): Promise<ApiAnswer<'rotation'>> {
    const nowMs = this.clock.unixMs();
    await this.identity.announce(part, { nowMs, endsAtMs: nowMs + overlapS * 1_000 });
    await this.desired.refresh(null);
    return this.show();
  }

  /**
   * Lets the next key take over.
   * @throws NanofleetError SETTING_INVALID when there is none, a device would be left behind unasked, or the publishers' root
   * does not name the next key
   */
  async finish({ leavesBehind }: { leavesBehind: boolean }): Promise<ApiAnswer<'rotation'>> {
    const { behind, phase } = await this.show();
    if (phase !== 'announced')
      throw new NanofleetError(
        'SETTING_INVALID',
        'No rotation is announced; begin one: nanofleet authority rotate.',
      );
    if (behind.length > 0 && !leavesBehind) throw wouldLose(behind);
    if (!(await this.#mayTakeOver())) throw unnamed();
    await this.#takeOver();
    return this.show();
  }

  async #look(): Promise<void> {
    const { rotation } = this.identity;
    if (rotation?.phase !== 'announced' || rotation.endsAtMs > this.clock.unixMs()) return;
    if (await this.#mayTakeOver()) await this.#takeOver();
    else this.log.warn('a rotation of keys waits', { why: unnamed().message });
  }

  /** Under a key that the publishers' root does not name the timestamps of the metadata would count for nobody. */
  async #mayTakeOver(): Promise<boolean> {
    const { rotation } = this.identity;
    if (rotation?.part !== 'controller-key' || rotation.next === null) return true;
    return this.metadata.namesController(rotation.next);
  }

  async #takeOver(): Promise<void> {
    const from = this.identity.keyId;
    await this.identity.finishRotation();
    await this.fixtures.refix('controller-key', { from, to: this.identity.keyId });
    await this.desired.refresh(null);
  }

  #behind(rows: readonly DeviceRow[], version: number): DeviceId[] {
    return rows.filter((row) => !hasFollowed(row, version)).map(({ device }) => device);
  }
}

const unnamed = () =>
  new NanofleetError(
    'SETTING_INVALID',
    "The publishers' root does not name the next key of the controller yet; a publisher runs: nanofleet trust renew.",
  );

const wouldLose = (behind: readonly DeviceId[]) =>
  new NanofleetError(
    'SETTING_INVALID',
    `${behind.length} devices do not know the next key yet (${behind.slice(0, 5).join(', ')}…) and would have to enrol again: ` +
      'wait for them, or say --leave-behind.',
    { facts: { devices: behind.length } },
  );
