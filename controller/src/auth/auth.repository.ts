/** SQL of operator tokens, fleet tokens and fixed facts. Never sees a secret, only hashes. */

import type { GroupId, Role } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, asc, eq, gt, sql } from 'drizzle-orm';
import { DATABASE, type Database, type Queries } from '../db/database.ts';
import { fixtures, fleetTokens, operatorTokens } from './auth.tables.ts';

/** A row of operator_tokens. */
export type OperatorTokenRow = typeof operatorTokens.$inferSelect;
/** A row of fleet_tokens. */
export type FleetTokenRow = typeof fleetTokens.$inferSelect;

/** Tokens in the database. */
@Injectable()
export class AuthRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** All operator tokens, oldest first. */
  operators(): Promise<OperatorTokenRow[]> {
    return this.database.select().from(operatorTokens).orderBy(asc(operatorTokens.createdAt));
  }

  /** The operator token of a hash. */
  async operatorByHash(tokenHash: string): Promise<OperatorTokenRow | undefined> {
    const [row] = await this.database
      .select()
      .from(operatorTokens)
      .where(eq(operatorTokens.tokenHash, tokenHash));
    return row;
  }

  /** Stores a new operator token. */
  async addOperator(row: OperatorTokenRow): Promise<void> {
    await this.database.insert(operatorTokens).values(row);
  }

  /** Notes a use. */
  async touchOperator(id: string, lastUsedAt: number): Promise<void> {
    await this.database.update(operatorTokens).set({ lastUsedAt }).where(eq(operatorTokens.id, id));
  }

  /** Removes an operator token unless it is the last one of its role `kept`; whether it was removed. */
  async dropOperator(id: string, kept: Role): Promise<boolean> {
    const others = sql`exists (select 1 from ${operatorTokens} other where other.role = ${kept} and other.id <> ${id})`;
    const dropped = await this.database
      .delete(operatorTokens)
      .where(and(eq(operatorTokens.id, id), sql`(${operatorTokens.role} <> ${kept} or ${others})`))
      .returning({ id: operatorTokens.id });
    return dropped.length > 0;
  }

  /** All fleet tokens, oldest first. */
  fleetTokens(): Promise<FleetTokenRow[]> {
    return this.database.select().from(fleetTokens).orderBy(asc(fleetTokens.createdAt));
  }

  /** One fleet token. */
  async fleetToken(id: string): Promise<FleetTokenRow | undefined> {
    const [row] = await this.database.select().from(fleetTokens).where(eq(fleetTokens.id, id));
    return row;
  }

  /** Stores a new fleet token. */
  async addFleetToken(row: FleetTokenRow): Promise<void> {
    await this.database.insert(fleetTokens).values(row);
  }

  /** Removes a fleet token; whether there was one. */
  async dropFleetToken(id: string): Promise<boolean> {
    const dropped = await this.database
      .delete(fleetTokens)
      .where(eq(fleetTokens.id, id))
      .returning({ id: fleetTokens.id });
    return dropped.length > 0;
  }

  /** Takes one use of a fleet token, if it has any left at `nowMs`; in one statement, so that none is given twice. */
  async takeUse(queries: Queries, id: string, nowMs: number): Promise<GroupId | undefined> {
    const [taken] = await queries
      .update(fleetTokens)
      .set({ usesLeft: sql`${fleetTokens.usesLeft} - 1` })
      .where(and(eq(fleetTokens.id, id), gt(fleetTokens.usesLeft, 0), gt(fleetTokens.expiresAt, nowMs)))
      .returning({ group: fleetTokens.deviceGroup });
    return taken?.group as GroupId | undefined;
  }

  /** Changes a fact, for the one who knows how it was. */
  async refix(name: string, { from, to }: { from: string; to: string }): Promise<void> {
    await this.database
      .update(fixtures)
      .set({ value: to })
      .where(and(eq(fixtures.name, name), eq(fixtures.value, from)));
  }

  /** The value that a fact was fixed to: `value` if it was not fixed yet. */
  async fix(name: string, value: string): Promise<string> {
    await this.database.insert(fixtures).values({ name, value }).onConflictDoNothing();
    const [row] = await this.database.select().from(fixtures).where(eq(fixtures.name, name));
    return row?.value ?? value;
  }
}
