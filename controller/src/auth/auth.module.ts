/** Wires tokens, sessions, access and problems. */
import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { AccessGuard } from './access.guard.ts';
import { AnswerInterceptor } from './answer.interceptor.ts';
import { AuthHttp } from './auth.http.ts';
import { AuthRepository } from './auth.repository.ts';
import { AuthService } from './auth.service.ts';
import { CallerService } from './caller.service.ts';
import { ProblemFilter } from './problem.filter.ts';
import { SessionsHttp } from './sessions.http.ts';
import { SessionsRepository } from './sessions.repository.ts';
import { SessionsService } from './sessions.service.ts';

/** The module. */
@Global()
@Module({
  controllers: [AuthHttp, SessionsHttp],
  providers: [
    AuthRepository,
    AuthService,
    SessionsRepository,
    SessionsService,
    CallerService,
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_INTERCEPTOR, useClass: AnswerInterceptor },
  ],
  exports: [AuthService, AuthRepository, CallerService],
})
export class AuthModule {}
