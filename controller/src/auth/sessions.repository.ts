/** SQL of sessions of browsers and of sign-in codes. Never sees a secret, only hashes. */
import { type Role, SESSIONS_PER_TOKEN_MAX } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, desc, eq, gt, lte, notInArray } from 'drizzle-orm';
import { DATABASE, type Database } from '../db/database.ts';
import { operatorTokens, sessions, signInCodes } from './auth.tables.ts';

/** A row of sessions. */
export type SessionRow = typeof sessions.$inferSelect;
/** A row of sign_in_codes. */
export type SignInCodeRow = typeof signInCodes.$inferSelect;

/** A session with whom it stands for. */
export interface KnownSession {
  readonly id: string;
  readonly tokenId: string;
  readonly expiresAt: number;
  readonly name: string;
  readonly role: Role;
}

/** Sessions in the database. */
@Injectable()
export class SessionsRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** The session of a hash that has not ended at `nowMs`. */
  async byHash(secretHash: string, nowMs: number): Promise<KnownSession | undefined> {
    const [row] = await this.database
      .select({
        id: sessions.id,
        tokenId: sessions.tokenId,
        expiresAt: sessions.expiresAt,
        name: operatorTokens.name,
        role: operatorTokens.role,
      })
      .from(sessions)
      .innerJoin(operatorTokens, eq(operatorTokens.id, sessions.tokenId))
      .where(and(eq(sessions.secretHash, secretHash), gt(sessions.expiresAt, nowMs)));
    return row;
  }

  /** Adds a session; ends those that are over, and the token's oldest beyond the bound. */
  async add(row: SessionRow): Promise<void> {
    await this.database.delete(sessions).where(lte(sessions.expiresAt, row.createdAt));
    await this.database.insert(sessions).values(row);
    const kept = this.database
      .select({ id: sessions.id })
      .from(sessions)
      .where(eq(sessions.tokenId, row.tokenId))
      .orderBy(desc(sessions.createdAt), desc(sessions.id))
      .limit(SESSIONS_PER_TOKEN_MAX);
    await this.database
      .delete(sessions)
      .where(and(eq(sessions.tokenId, row.tokenId), notInArray(sessions.id, kept)));
  }

  /** Ends a session. */
  async drop(id: string): Promise<void> {
    await this.database.delete(sessions).where(eq(sessions.id, id));
  }

  /** Adds a sign-in code; removes those whose time is over at `nowMs`. */
  async addCode(row: SignInCodeRow, nowMs: number): Promise<void> {
    await this.database.delete(signInCodes).where(lte(signInCodes.expiresAt, nowMs));
    await this.database.insert(signInCodes).values(row);
  }

  /** Takes a code out, if it is valid at `nowMs`: the token that made it. In one statement, so that it works once. */
  async takeCode(codeHash: string, nowMs: number): Promise<string | undefined> {
    const [taken] = await this.database
      .delete(signInCodes)
      .where(and(eq(signInCodes.codeHash, codeHash), gt(signInCodes.expiresAt, nowMs)))
      .returning({ tokenId: signInCodes.tokenId });
    return taken?.tokenId;
  }
}
