/**
 * An operator of a controller, in its process or another one: the API over HTTP, fleet tokens, uploads. One try per
 * call: a fault is what the tests want to see.
 */
import {
  type ApiAnswer,
  type ApiCall,
  type ApiRoute,
  apiAnswerOf,
  type Decision,
  fleetIdSchema,
  httpCallOf,
  wireOf,
} from '@nanofleet/protocol';
import { encodeFleetToken, type FleetToken } from '@nanofleet/protocol/node';
import type { TestBundle } from './bundles.ts';

/** Name of every fleet here. */
export const FLEET = fleetIdSchema.parse('test');
const TOKEN_VALID_S = 600;
const PAGE_ROWS = 500;

/** What an operator can do. */
export interface Operator {
  /** One call of the operator API; the first admin's when no token is given. @throws NanofleetError the answer's error */
  call<R extends ApiRoute>(route: R, call?: ApiCall<R>, token?: string): Promise<ApiAnswer<R>>;
  /** A fleet token as `nanofleet fleet-tokens new` prints it. */
  fleetToken(options?: { uses?: number; validForS?: number; change?: Partial<FleetToken> }): Promise<string>;
  /** Uploads and registers a bundle. @throws NanofleetError the registry's refusal */
  push(bundle: TestBundle): Promise<ApiAnswer<'addModel'>>;
  /** Ids of all decisions that arrived, in the order of arrival, one per stored event. */
  decisions(): Promise<Decision['id'][]>;
}

/** Where and as whom. */
export interface OperatorOptions {
  readonly url: string;
  readonly adminToken: string;
  /** Fingerprints that its fleet tokens pin. */
  readonly publisher: FleetToken['publisher'];
  readonly controller: string;
}

/** Uploads and registers a bundle by somebody's calls. @throws NanofleetError the registry's refusal */
export const pushBundle = async (
  call: Operator['call'],
  bundle: TestBundle,
): Promise<ApiAnswer<'addModel'>> => {
  for (const file of bundle.manifest.files) {
    const { name, sha256 } = wireOf(file) ?? file;
    await call('putBlob', { params: { digest: sha256 }, body: bundle.read(name) });
  }
  const manifest = bundle.read('manifest.json').toString('base64');
  const signature = bundle.read('manifest.sig').toString('utf8');
  return call('addModel', { body: { manifest, signature } });
};

const caller =
  (url: string, admin: string): Operator['call'] =>
  async (route, call = {}, token = admin) => {
    const { method, path, body, contentType } = httpCallOf(route, call);
    const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
    if (contentType !== null) headers['content-type'] = contentType;
    const response = await fetch(`${url}${path}`, { method, headers, body });
    return apiAnswerOf(route, { status: response.status, body: await response.text() });
  };

const allDecisions = async (call: Operator['call']): Promise<Decision['id'][]> => {
  const ids: Decision['id'][] = [];
  for (let after = 0; ; ) {
    const { items } = await call('events', { query: { type: 'decision', after, limit: PAGE_ROWS } });
    ids.push(...items.map(({ event }) => event['decision'] as Decision['id']));
    if (items.length < PAGE_ROWS) return ids;
    after = items.at(-1)?.position ?? after;
  }
};

/** Makes the operator of a controller. */
export const makeOperator = ({ url, adminToken, publisher, controller }: OperatorOptions): Operator => {
  const call = caller(url, adminToken);
  return {
    call,
    fleetToken: async ({ uses = 1, validForS = TOKEN_VALID_S, change = {} } = {}) => {
      const body = { name: 'test', group: 'homes', uses, validForS };
      const { id, secret, expiresAt } = await call('makeFleetToken', { body });
      const pinned = { publisher, controller };
      return encodeFleetToken({ fleet: FLEET, url, tokenId: id, secret, ...pinned, expiresAt, ...change });
    },
    push: (bundle) => pushBundle(call, bundle),
    decisions: () => allDecisions(call),
  };
};
