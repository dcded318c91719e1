/**
 * The real Transport: mqtt.js 5 speaking MQTT 3.1.1. Owns nothing but the translation: no reconnect of its own, no store.
 * Handlers are attached before the connection starts, because messages that arrive with CONNACK are otherwise lost.
 */

import { Socket } from 'node:net';
import {
  type Connection,
  type ConnectionHandlers,
  type ConnectOptions,
  LINK_UNAVAILABLE_MESSAGE,
  linkUnavailable,
  type Transport,
} from '@nanofleet/runtime/ports';
import mqtt, { type MqttClient } from 'mqtt';

const makeClient = (options: ConnectOptions): MqttClient =>
  mqtt.connect(options.url, {
    manualConnect: true,
    reconnectPeriod: 0,
    protocolVersion: 4,
    clean: true,
    clientId: options.clientId,
    username: options.clientId,
    password: options.password,
    keepalive: options.keepaliveS,
    connectTimeout: options.connectTimeoutMs,
    resubscribe: false,
    queueQoSZero: false,
    // The cache holds a buffer for each 16-bit number: 7 MB for some nanoseconds per packet.
    writeCache: false,
    will: {
      topic: options.will.topic,
      payload: Buffer.from(options.will.payload),
      qos: 1,
      retain: false,
    },
  });

/** Without it Nagle's algorithm adds 40 ms to small messages. */
const sendAtOnce = (client: MqttClient): void => {
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
};

const attach = (client: MqttClient, handlers: ConnectionHandlers): void => {
  let reason: string | null = null;
  let isClosed = false;
  client.on('connect', () => {
    sendAtOnce(client);
    handlers.opened();
  });
  client.on('message', (topic, payload, packet) => {
    if (!isClosed) handlers.received(topic, payload, { isRetained: packet.retain });
  });
  client.on('error', (error) => {
    reason = error.message === '' ? LINK_UNAVAILABLE_MESSAGE : error.message;
  });
  client.on('close', () => {
    if (isClosed) return;
    isClosed = true;
    client.end(true);
    handlers.closed(reason ?? (client.disconnecting ? null : LINK_UNAVAILABLE_MESSAGE));
  });
};

const connect = (options: ConnectOptions, handlers: ConnectionHandlers): Connection => {
  const client = makeClient(options);
  attach(client, handlers);
  client.connect();
  return {
    publish: (topic, payload, { qos, isRetained }) =>
      new Promise((resolve, reject) => {
        client.publish(topic, Buffer.from(payload), { qos, retain: isRetained }, (error) =>
          error === undefined || error === null ? resolve() : reject(linkUnavailable(error)),
        );
      }),
    subscribe: async (filters) => {
      const granted = await client.subscribeAsync([...filters], { qos: 1 });
      const refused = granted.find(({ qos }) => qos === 128);
      if (refused !== undefined) throw linkUnavailable(`the broker refused to subscribe to ${refused.topic}`);
    },
    end: ({ isOrderly }) =>
      new Promise((resolve) => {
        client.end(!isOrderly, {}, () => resolve());
      }),
  };
};

/** MQTT over TCP or TLS. */
export const mqttTransport: Transport = { connect };
