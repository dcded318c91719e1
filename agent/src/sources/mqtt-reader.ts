/**
 * Messages of a broker in the house. Owns the connection and its subscriptions; a lost connection is an end with an
 * error. Messages of QoS 1 are acknowledged when they were used, so that the broker holds back what is too much.
 */
import { NanofleetError, SOURCE_MESSAGES_WAITING_MAX } from '@nanofleet/protocol';
import type { Disk, Transport } from '@nanofleet/runtime/ports';
import { brokerLogin } from '../brokers/broker-login.ts';
import type { SourceOf } from './source-config.ts';
import type { ReaderTarget, SourceReader } from './source-reader.ts';
import { isTopicOf } from './topic-filter.ts';

/** What a reader of a broker needs. */
export interface MqttReaderOptions {
  readonly config: SourceOf<'mqtt'>;
  /** Its name at the broker. */
  readonly clientId: string;
  readonly transport: Transport;
  readonly disk: Disk;
}

const failed = (url: string, why: string): NanofleetError =>
  new NanofleetError('SOURCE_FAILED', `${new URL(url).host}: ${why}`);

/** The filters of a source; each once. */
const filtersOf = ({ topic, samples }: SourceOf<'mqtt'>): string[] => {
  const own = Object.values(samples?.channels ?? {}).map((channel) => channel.topic);
  return [...new Set([topic, ...own].filter((filter) => filter !== undefined))];
};

/** Reads the topics of a source. */
export const makeMqttReader = (options: MqttReaderOptions): SourceReader => ({
  run: (target: ReaderTarget, signal: AbortSignal) => {
    const { config, transport } = options;
    const filters = filtersOf(config);
    const login = brokerLogin(config, options.clientId, options.disk);
    const settings = { ...login, unacknowledgedMax: SOURCE_MESSAGES_WAITING_MAX };
    return new Promise((resolve, reject) => {
      const received = (topic: string, payload: Uint8Array, { isRetained }: { isRetained: boolean }) => {
        if (signal.aborted || !filters.some((filter) => isTopicOf(filter, topic))) return;
        if (isRetained && !config.retained) return target.drop('retained');
        if (payload.length > config.limits.messageBytes) return target.drop('tooLarge');
        return target.offer({ text: Buffer.from(payload).toString('utf8'), topic });
      };
      const end = (): void => void connection.end({ isOrderly: true }).then(resolve, resolve);
      const connection = transport.connect(settings, {
        opened: () => {
          connection.subscribe(filters).then(
            () => target.opened(),
            (thrown: unknown) => {
              reject(failed(config.url, thrown instanceof Error ? thrown.message : String(thrown)));
              void connection.end({ isOrderly: true });
            },
          );
        },
        received,
        closed: (reason, { isRefused }) => {
          // A broker that comes and goes must not leave one behind for each connection.
          signal.removeEventListener('abort', end);
          if (signal.aborted) return resolve();
          const why = isRefused ? 'the broker refuses name and password' : (reason ?? 'the connection ended');
          reject(failed(config.url, why));
        },
      });
      signal.addEventListener('abort', end);
    });
  },
});
