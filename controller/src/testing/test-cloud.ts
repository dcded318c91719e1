/**
 * The cloud tier alone for tests: real SQL, a real way to a provider, given ports; as many services over one database as a
 * test wants, as several controllers would have. Only tests import this.
 */
import type { Clock, Random } from '@nanofleet/runtime/ports';
import { CloudRepository } from '../cloud/cloud.repository.ts';
import { CloudService } from '../cloud/cloud.service.ts';
import type { ProviderSettings } from '../cloud/provider-settings.ts';
import { openDatabase } from '../db/open-database.ts';
import { jsonLog } from '../ports/log.ts';
import { systemRandom } from '../ports/random.ts';
import { Identity } from '../state/identity.ts';
import { makeTestDatabase } from './databases.ts';
import { FLEET } from './test-controller.ts';

/** The cloud tier of a test. */
export interface TestCloud {
  readonly repository: CloudRepository;
  /** Lines of the log. */
  readonly logged: string[];
  /** One more service, of another controller or of one that was started again. */
  service(provider: ProviderSettings, ports: { clock: Clock; random: Random }): CloudService;
  close(): Promise<void>;
}

/** Opens one on a new database. */
export const openTestCloud = async (kind: 'embedded' | 'postgres'): Promise<TestCloud> => {
  const place = await makeTestDatabase(kind);
  const open = await openDatabase(place.settings, 'cloud');
  const settings = {
    ...place.settings,
    fleet: FLEET,
    host: '127.0.0.1',
    httpPort: 0,
    mqttPort: 0,
    certificate: null,
    broker: null,
    publisherKeys: [],
    controllerKeyFile: null,
    siteDirectory: place.settings.directory,
    adminTokenFile: '',
    advertisedMqttUrl: null,
    advertisedHttpUrl: null,
  };
  const identity = await Identity.open(settings, systemRandom);
  const repository = new CloudRepository(open.database);
  const services: CloudService[] = [];
  const logged: string[] = [];
  return {
    repository,
    logged,
    service: (provider, { clock, random }) => {
      const log = jsonLog(
        () => clock.unixMs(),
        (line) => void logged.push(line),
      );
      const service = new CloudService(repository, identity, provider, clock, random, log);
      services.push(service);
      return service;
    },
    close: async () => {
      await Promise.all(services.map((service) => service.onModuleDestroy()));
      await open.close();
      await place.drop();
    },
  };
};
