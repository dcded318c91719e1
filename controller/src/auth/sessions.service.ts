/**
 * Rules of sessions: a browser gets one for an operator token or for the one-time code of a link, and keeps it in a
 * cookie. There is no count of failed tries: tokens and codes have 256 random bits. Never keeps a secret but as a hash.
 */

import { NanofleetError, SESSION_MS, SIGN_IN_CODE_MS } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { type Clock, newId, type Random } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../ports/clock.ts';
import { RANDOM } from '../ports/random.ts';
import type { Operator } from './api-route.ts';
import { AuthService } from './auth.service.ts';
import { type KnownSession, SessionsRepository } from './sessions.repository.ts';

const SECRET_BYTES = 32;

/** A session that was just made, with the secret for its cookie. */
export interface NewSession extends KnownSession {
  readonly secret: string;
  readonly maxAgeS: number;
}

/** Sessions of browsers. */
@Injectable()
export class SessionsService {
  constructor(
    private readonly repository: SessionsRepository,
    private readonly auth: AuthService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Signs in.
   * @throws NanofleetError TOKEN_INVALID, SIGN_IN_CODE_INVALID
   */
  async signIn(given: { token: string } | { code: string }): Promise<NewSession> {
    return this.#open(
      'token' in given ? (await this.auth.operatorOf(given.token)).id : await this.#take(given.code),
    );
  }

  /**
   * Whom the secret of a cookie stands for.
   * @throws NanofleetError TOKEN_INVALID
   */
  async sessionOf(secret: string): Promise<KnownSession> {
    const session = await this.repository.byHash(sha256Of(secret), this.clock.unixMs());
    if (session !== undefined) return session;
    throw new NanofleetError('TOKEN_INVALID', 'The session is over; sign in again.');
  }

  /** Ends a session. */
  signOut(id: string): Promise<void> {
    return this.repository.drop(id);
  }

  /** Makes a code for one sign-in with the rights of an operator's token. */
  async makeCode(operator: Operator): Promise<{ code: string; expiresAt: number }> {
    const code = this.#secret();
    const nowMs = this.clock.unixMs();
    const expiresAt = nowMs + SIGN_IN_CODE_MS;
    await this.repository.addCode({ codeHash: sha256Of(code), tokenId: operator.id, expiresAt }, nowMs);
    return { code, expiresAt };
  }

  async #take(code: string): Promise<string> {
    const tokenId = await this.repository.takeCode(sha256Of(code), this.clock.unixMs());
    if (tokenId !== undefined) return tokenId;
    throw new NanofleetError(
      'SIGN_IN_CODE_INVALID',
      'The sign-in link was used or its time is over; make another: nanofleet dashboard.',
    );
  }

  async #open(tokenId: string): Promise<NewSession> {
    const secret = this.#secret();
    const createdAt = this.clock.unixMs();
    const expiresAt = createdAt + SESSION_MS;
    const id = newId(this.clock, this.random);
    await this.repository.add({ id, secretHash: sha256Of(secret), tokenId, createdAt, expiresAt });
    return { ...(await this.sessionOf(secret)), secret, maxAgeS: SESSION_MS / 1_000 };
  }

  #secret(): string {
    return Buffer.from(this.random.bytes(SECRET_BYTES)).toString('base64url');
  }
}
