/** Owns the rule that plain connections go only to this machine itself: everything else is encrypted. Pure. */
import { isIP } from 'node:net';
import { NanofleetError } from '@nanofleet/protocol';

const ENCRYPTED = new Set(['https:', 'mqtts:']);
const PLAIN = new Set(['http:', 'mqtt:']);

const isLoopback = (hostname: string): boolean => {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
};

/** Whether an address is one of this machine itself. */
export const isLoopbackUrl = (url: string): boolean => isLoopback(new URL(url).hostname);

/**
 * Checks an address that the agent is about to use.
 * @throws NanofleetError URL_NOT_PRIVATE for a plain URL to another host, SETTING_INVALID for another scheme
 */
export const checkPrivateUrl = (url: string): void => {
  const { protocol, hostname } = new URL(url);
  if (ENCRYPTED.has(protocol) || (PLAIN.has(protocol) && isLoopback(hostname))) return;
  if (PLAIN.has(protocol)) {
    const problem = `${protocol}//${hostname} is not encrypted and leads to another host. Use ${protocol.replace(':', 's:')}//${hostname}.`;
    throw new NanofleetError('URL_NOT_PRIVATE', problem, { facts: { host: hostname } });
  }
  throw new NanofleetError('SETTING_INVALID', `${protocol}// is no address of a controller or broker`);
};
