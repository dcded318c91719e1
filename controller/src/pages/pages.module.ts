/** Wires the dashboard's files and the document of the API. */
import { type DynamicModule, Module } from '@nestjs/common';
import { FILE } from '../auth/api-route.ts';
import { PagesHttp } from './pages.http.ts';
import { ReferenceHttp } from './reference.http.ts';
import { Site } from './site.ts';

/** The module. */
@Module({})
export class PagesModule {
  /** The module over the folder that the dashboard was built into. */
  static over(folder: string): DynamicModule {
    return {
      module: PagesModule,
      controllers: [PagesHttp, ReferenceHttp],
      providers: [{ provide: FILE, useValue: new Site(folder) }],
    };
  }
}
