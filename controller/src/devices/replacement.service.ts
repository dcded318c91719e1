/**
 * Other hardware under a known name: the token that allows it, and the moment of the change, at which the old key, its
 * credential and its certificates lose everything at once. Never gives a name to a key without such a token.
 */
import { type DeviceId, type GroupId, NanofleetError } from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { AuthRepository, type FleetTokenRow } from '../auth/auth.repository.ts';
import { AuthService, tokenUsedUp } from '../auth/auth.service.ts';
import { DATABASE, type Database } from '../db/database.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { Link } from '../link/link.ts';
import { CLOCK } from '../ports/clock.ts';
import { type DeviceRow, DevicesRepository } from './devices.repository.ts';

/** Replacing devices. */
@Injectable()
export class ReplacementService {
  constructor(
    private readonly auth: AuthService,
    private readonly tokens: AuthRepository,
    private readonly devices: DevicesRepository,
    private readonly timeline: TimelineService,
    private readonly link: Link,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * A token with which one other key takes over a name, also of a device that was revoked. Until then the old hardware
   * goes on.
   * @throws NanofleetError DEVICE_UNKNOWN
   */
  async offer(device: DeviceId, validForS: number) {
    const row = await this.devices.one(device);
    if (row === undefined)
      throw new NanofleetError(
        'DEVICE_UNKNOWN',
        `No device named ${device} is enrolled; see: nanofleet devices ls.`,
      );
    const group = row.deviceGroup;
    return this.auth.makeFleetToken({
      name: `replace-${device}`.slice(0, 64),
      group,
      uses: 1,
      validForS,
      device,
    });
  }

  /**
   * Gives the name to the key that asks; gives its group, which is the one that the old hardware was in.
   * @throws NanofleetError FLEET_TOKEN_USED_UP; BROKER_UNAVAILABLE, and the old one's rights there end when it is back
   */
  async takeOver(
    request: { readonly device: DeviceId; readonly publicKey: string },
    { access, token }: { token: FleetTokenRow; access: Pick<DeviceRow, 'credentialHash' | 'tlsKey'> },
  ): Promise<GroupId> {
    const { device, publicKey } = request;
    const nowMs = this.clock.unixMs();
    const group = await this.database.transaction(async (transaction) => {
      if ((await this.tokens.takeUse(transaction, token.id, nowMs)) === undefined)
        throw tokenUsedUp(token.name);
      await this.devices.replace(transaction, device, { publicKey, ...access });
      return (await this.devices.one(device, transaction))?.deviceGroup;
    });
    if (group === undefined)
      throw new NanofleetError('DEVICE_UNKNOWN', `No device named ${device} is enrolled.`);
    this.timeline.note({ kind: 'device-replaced', key: `${device} ${nowMs}`, device, group });
    await this.link.rights.revoke(device);
    for (const kind of ['birth', 'reported'] as const) await this.link.clearRetained(device, kind);
    return group;
  }
}
