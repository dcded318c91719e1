/**
 * How a controller comes to its broker: the embedded one, which it starts and has for itself, or the one that the
 * settings name, with rights by mosquitto's plugin or by somebody else. Owns that order; nothing of rights or messages.
 */
import type { FleetId } from '@nanofleet/protocol';
import { makeMqttTransport } from '@nanofleet/runtime/mqtt';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import type { BrokerSettings, Settings } from '../ports/settings.ts';
import type { BrokerIdentities } from '../state/broker-files.ts';
import type { ListenerTls } from '../state/listener-tls.ts';
import { Broker, type Gate } from './broker.ts';
import { ForeignRights } from './broker-rights.ts';
import { CertificateRights } from './certificate-rights.ts';
import { DynamicSecurity } from './dynamic-security.ts';
import type { Link, LinkAccess } from './link.ts';
import { MosquittoRights } from './mosquitto-rights.ts';

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1_883, 'mqtts:': 8_883 };

/** What joining needs. */
export interface JoinPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly link: Link;
  readonly gate: Gate;
  readonly controllerId: string;
  /** What the embedded broker speaks; null for plain connections. */
  readonly tls: ListenerTls | null;
  /** What a broker that takes certificates is shown; null at any other. */
  readonly brokerIdentities: BrokerIdentities | null;
  /** Password of the one client of an embedded broker; random per start. */
  readonly secret: string;
}

/** A broker that the link is connected to. */
export interface JoinedBroker {
  /** Whether no other controller can hear it. */
  readonly isAlone: boolean;
  /** Opens the way for devices; the port where they come in. */
  listen(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Connects the link to the broker of the settings.
 * @throws NanofleetError BROKER_UNAVAILABLE, BROKER_RIGHTS_UNMANAGED
 */
export const joinBroker = (settings: Settings, ports: JoinPorts): Promise<JoinedBroker> =>
  settings.broker === null
    ? startEmbedded(settings, ports)
    : joinExternal(settings.broker, settings.fleet, ports);

const startEmbedded = async (
  settings: Settings,
  { gate, link, secret, tls }: JoinPorts,
): Promise<JoinedBroker> => {
  const broker = await Broker.create({
    fleet: settings.fleet,
    gate,
    controllerSecret: secret,
    host: settings.host,
    port: settings.mqttPort,
    tls,
  });
  await link.startAlone({
    transport: makeMqttTransport(() => broker.connect()),
    url: 'mqtt://embedded',
    username: 'controller',
    password: secret,
    rights: broker,
  });
  return { isAlone: true, listen: () => broker.listen(), close: () => broker.close() };
};

const joinExternal = async (
  broker: BrokerSettings,
  fleet: FleetId,
  ports: JoinPorts,
): Promise<JoinedBroker> => {
  const { access, close } = await accessTo(broker, fleet, ports);
  try {
    await ports.link.start(access, `controller:${fleet}:${ports.controllerId}`);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  const { port, protocol } = new URL(broker.url);
  const listens = port === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(port);
  return { isAlone: false, listen: () => Promise.resolve(listens), close };
};

const accessTo = async (
  broker: BrokerSettings,
  fleet: FleetId,
  { brokerIdentities, clock, controllerId, log }: JoinPorts,
): Promise<{ access: LinkAccess; close: () => Promise<void> }> => {
  const { ca, password, url, username } = broker;
  const transport = makeMqttTransport();
  const common = { transport, url, ...(ca === null ? {} : { tls: { ca: [ca] } }) };
  if (broker.rights === 'external') {
    const access = { ...common, username, password, rights: new ForeignRights(log) };
    return { access, close: () => Promise.resolve() };
  }
  const clientId = `rights:${fleet}:${controllerId}`;
  const ports = { transport, clock, log, clientId };
  if (brokerIdentities !== null) {
    const { link, rights: administrator } = withAuthority(brokerIdentities, ca);
    const none = { username: '', password: '' };
    const control = new DynamicSecurity({ url, ...none, tls: administrator }, ports);
    const rights = await CertificateRights.open(control, { fleet, log });
    return { access: { transport, url, ...none, tls: link, rights }, close: () => rights.close() };
  }
  const control = new DynamicSecurity({ ...common, username, password }, ports);
  const { login, rights } = await MosquittoRights.open(control, { fleet, log, broker });
  return { access: { ...common, ...login, rights }, close: () => rights.close() };
};

/** The broker may have a certificate that somebody else has signed. */
const withAuthority = (identities: BrokerIdentities, ca: string | null): BrokerIdentities =>
  ca === null
    ? identities
    : { link: { ...identities.link, ca: [ca] }, rights: { ...identities.rights, ca: [ca] } };
