/** A topic of a broker as a sink. Owns the topic and the form of the message; the connection is the session's. */
import { BrokerSession, type BrokerSessionOptions } from '../brokers/broker-session.ts';
import { type Happening, messageOf } from './happening.ts';
import type { SinkOf } from './sink-config.ts';
import type { SinkState, SinkWriter } from './sink-writer.ts';
import { fillTemplate } from './template.ts';

/** What a writer to a broker needs. */
export interface MqttWriterOptions
  extends Pick<BrokerSessionOptions, 'clock' | 'random' | 'transport' | 'login'> {
  readonly config: SinkOf<'mqtt'>;
  readonly device: string;
  readonly state: SinkState;
}

/** A value as one level of a topic: what means something to brokers, and what MQTT 3.1.1 (1.5.3) forbids, is taken out. */
const asLevel = (value: string): string => value.replaceAll(/[+#/$\p{Cc}\p{Cs}\ufffe\uffff]/gu, '_');

/** Makes the writer of a topic. */
export const makeMqttWriter = (options: MqttWriterOptions): SinkWriter => {
  const { config, device, state } = options;
  const { qos, retained: isRetained, slots, text } = config;
  const session = new BrokerSession({
    ...options,
    filters: [],
    opened: () => state.opened(),
    received: () => undefined,
    failed: (error) => state.failed(error),
  });
  return {
    start: () => session.start(),
    send: (happening: Happening, signal) => {
      const topic = fillTemplate(config.topic, { happening, device }, asLevel);
      const payload = Buffer.from(JSON.stringify(messageOf(happening, { device, slots, text })));
      return session.publish(topic, payload, { qos, isRetained, signal });
    },
    close: () => session.close(),
  };
};
