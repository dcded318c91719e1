/**
 * Rules of operator and fleet tokens: making them, who an operator is, which fleet token may enrol. Secrets exist here
 * for the moment of making them; the database gets hashes.
 */

import { type DeviceId, type GroupId, NanofleetError, type Role, type Uuid } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { type Clock, newId, type Random } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../ports/clock.ts';
import { RANDOM } from '../ports/random.ts';
import type { Operator } from './api-route.ts';
import { AuthRepository, type FleetTokenRow, type OperatorTokenRow } from './auth.repository.ts';
import { fitsHash } from './bearer.ts';

const OPERATOR_PREFIX = 'nfo_';
const SECRET_BYTES = 32;
/** Writing every use would cost a commit per request. */
const TOUCH_EVERY_MS = 60_000;

/** What a fleet token is made of. */
export interface FleetTokenWish {
  readonly name: string;
  readonly group: GroupId;
  readonly uses: number;
  readonly validForS: number;
  /** The device whose name it gives to another key; left out: it lets new devices in. */
  readonly device?: DeviceId;
}

/** Tokens and what they allow. */
@Injectable()
export class AuthService {
  constructor(
    private readonly repository: AuthRepository,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * The operator of a token.
   * @throws NanofleetError TOKEN_INVALID
   */
  async operatorOf(token: string): Promise<Operator> {
    const row = token.startsWith(OPERATOR_PREFIX)
      ? await this.repository.operatorByHash(sha256Of(token))
      : undefined;
    if (row === undefined) {
      throw new NanofleetError('TOKEN_INVALID', 'The operator token is not known here; log in with another.');
    }
    const nowMs = this.clock.unixMs();
    if (nowMs - (row.lastUsedAt ?? 0) > TOUCH_EVERY_MS) await this.repository.touchOperator(row.id, nowMs);
    return { id: row.id, name: row.name, role: row.role };
  }

  /** All operator tokens. */
  operators(): Promise<OperatorTokenRow[]> {
    return this.repository.operators();
  }

  /** A secret that no operator has yet. */
  newOperatorSecret(): string {
    return `${OPERATOR_PREFIX}${this.#secret()}`;
  }

  /** Makes an operator token; its secret is in the answer and nowhere else. */
  makeOperator(wish: { name: string; role: Role }): Promise<OperatorTokenRow & { token: string }> {
    return this.addOperator({ ...wish, token: this.newOperatorSecret() });
  }

  /** Gives a secret its rights. */
  async addOperator(wish: {
    name: string;
    role: Role;
    token: string;
  }): Promise<OperatorTokenRow & { token: string }> {
    const row = {
      id: newId(this.clock, this.random),
      name: wish.name,
      role: wish.role,
      tokenHash: sha256Of(wish.token),
      createdAt: this.clock.unixMs(),
      lastUsedAt: null,
    };
    await this.repository.addOperator(row);
    return { ...row, token: wish.token };
  }

  /**
   * Removes an operator token.
   * @throws NanofleetError NOT_FOUND; INPUT_INVALID for the last admin, without whom nobody could make another.
   */
  async dropOperator(id: Uuid): Promise<void> {
    if (await this.repository.dropOperator(id, 'admin')) return;
    const isKnown = (await this.repository.operators()).some((row) => row.id === id);
    throw isKnown
      ? new NanofleetError('INPUT_INVALID', 'This is the last admin token; make another admin token first.')
      : new NanofleetError('NOT_FOUND', `No operator token has the id ${id}.`);
  }

  /** All fleet tokens. */
  async fleetTokens() {
    return (await this.repository.fleetTokens()).map(shown);
  }

  /** Makes a fleet token; its secret is in the answer and nowhere else. */
  async makeFleetToken(wish: FleetTokenWish) {
    const secret = this.#secret();
    const createdAt = this.clock.unixMs();
    const row: FleetTokenRow = {
      id: newId(this.clock, this.random),
      name: wish.name,
      deviceGroup: wish.group,
      secretHash: sha256Of(secret),
      usesLeft: wish.uses,
      expiresAt: createdAt + wish.validForS * 1_000,
      createdAt,
      device: wish.device ?? null,
    };
    await this.repository.addFleetToken(row);
    return { ...shown(row), secret };
  }

  /** Removes a fleet token; @throws NanofleetError NOT_FOUND */
  async dropFleetToken(id: Uuid): Promise<void> {
    if (await this.repository.dropFleetToken(id)) return;
    throw new NanofleetError('NOT_FOUND', `No fleet token has the id ${id}.`);
  }

  /**
   * The fleet token of an id, if the secret is right and its time is not over; uses are not looked at.
   * @throws NanofleetError FLEET_TOKEN_UNKNOWN, FLEET_TOKEN_EXPIRED
   */
  async fleetTokenOf(id: string, secret: string): Promise<FleetTokenRow> {
    const row = await this.repository.fleetToken(id);
    if (row === undefined || !fitsHash(secret, row.secretHash)) {
      throw new NanofleetError(
        'FLEET_TOKEN_UNKNOWN',
        'This controller does not know the fleet token; make a new one: nanofleet fleet-tokens new.',
      );
    }
    if (row.expiresAt <= this.clock.unixMs()) {
      throw new NanofleetError(
        'FLEET_TOKEN_EXPIRED',
        `The fleet token ${row.name} expired at ${new Date(row.expiresAt).toISOString()}; make a new one.`,
      );
    }
    return row;
  }

  #secret(): string {
    return Buffer.from(this.random.bytes(SECRET_BYTES)).toString('base64url');
  }
}

const shown = ({ device, deviceGroup, ...row }: FleetTokenRow) => ({
  ...row,
  group: deviceGroup,
  ...(device === null ? {} : { device }),
});

/** FLEET_TOKEN_USED_UP, naming the token. */
export const tokenUsedUp = (name: string) =>
  new NanofleetError('FLEET_TOKEN_USED_UP', `The fleet token ${name} has no uses left; make a new one.`);
