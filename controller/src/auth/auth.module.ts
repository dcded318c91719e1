/** Wires tokens, access and problems. */
import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { AccessGuard } from './access.guard.ts';
import { AnswerInterceptor } from './answer.interceptor.ts';
import { AuthHttp } from './auth.http.ts';
import { AuthRepository } from './auth.repository.ts';
import { AuthService } from './auth.service.ts';
import { ProblemFilter } from './problem.filter.ts';

/** The module. */
@Global()
@Module({
  controllers: [AuthHttp],
  providers: [
    AuthRepository,
    AuthService,
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_INTERCEPTOR, useClass: AnswerInterceptor },
  ],
  exports: [AuthService, AuthRepository],
})
export class AuthModule {}
