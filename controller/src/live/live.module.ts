/** Wires the stream of changes. */
import { Module } from '@nestjs/common';
import { LiveFeed } from './live.feed.ts';
import { LiveHttp } from './live.http.ts';
import { LiveRepository } from './live.repository.ts';

/** The module. */
@Module({ controllers: [LiveHttp], providers: [LiveRepository, LiveFeed], exports: [LiveFeed] })
export class LiveModule {}
