/** Wires the dashboard's files, the agent's packages and the document of the API. */
import { type DynamicModule, Module } from '@nestjs/common';
import { FILE } from '../auth/api-route.ts';
import { InstallerHttp } from './installer.http.ts';
import { Installer } from './installer.ts';
import { PagesHttp } from './pages.http.ts';
import { ReferenceHttp } from './reference.http.ts';
import { Site } from './site.ts';

/** The module. */
@Module({})
export class PagesModule {
  /** The module over the folders that the dashboard and the agent's packages were built into. */
  static over({ site, agents }: { site: string; agents: string }): DynamicModule {
    return {
      module: PagesModule,
      controllers: [PagesHttp, InstallerHttp, ReferenceHttp],
      providers: [
        { provide: FILE, useValue: new Site(site) },
        { provide: Installer, useValue: new Installer(agents) },
      ],
    };
  }
}
