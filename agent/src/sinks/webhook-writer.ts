/**
 * A webhook as a sink: one POST for each message. Owns which answers mean that it is to be sent again. Errors name the
 * host alone: paths of webhooks are often secrets.
 */
import { NanofleetError, WEBHOOK_ANSWER_BYTES_MAX } from '@nanofleet/protocol';
import type { Clock, Disk } from '@nanofleet/runtime/ports';
import { textOfFile } from '../brokers/broker-login.ts';
import { checkPrivateUrl } from '../link/private-url.ts';
import type { HttpAnswer, HttpRequest } from '../ports/http-client.ts';
import { type Happening, messageOf } from './happening.ts';
import type { SinkOf } from './sink-config.ts';
import type { SinkWriter } from './sink-writer.ts';
import { webhookHeaders } from './webhook-signature.ts';

/** What a writer to a webhook needs. */
export interface WebhookWriterOptions {
  readonly config: SinkOf<'webhook'>;
  readonly device: string;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly http: (request: HttpRequest) => Promise<HttpAnswer>;
}

/** Statuses that say to try again later (RFC 9110, RFC 6585); others of 400 say that it is of no use. */
const LATER: ReadonlySet<number> = new Set([408, 425, 429]);

const judge = (status: number, host: string): void => {
  if (status >= 200 && status < 300) return;
  const isLater = LATER.has(status) || status >= 500;
  throw new NanofleetError(isLater ? 'SINK_FAILED' : 'SINK_REFUSED', `${host} answered ${status}`);
};

/** The name of a message: the same over all its tries; beginning and end of an event are two. */
const idOf = (happening: Happening): string =>
  happening.type === 'event' ? `${happening.id}-${happening.phase}` : `${happening.id}-${happening.tier}`;

/** Makes the writer of a webhook. */
export const makeWebhookWriter = (options: WebhookWriterOptions): SinkWriter => {
  const { config, device, clock, disk, http } = options;
  const { url, secretFile, caFile, allowPlain, slots, text } = config;
  const { host } = new URL(url);
  const requestFor = (happening: Happening, signal: AbortSignal): HttpRequest => {
    if (!allowPlain) checkPrivateUrl(url);
    const body = JSON.stringify(messageOf(happening, { device, slots, text }));
    const secret = secretFile === undefined ? null : textOfFile(disk, secretFile).trim();
    const unixS = Math.floor(clock.unixMs() / 1_000);
    return {
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/json',
        ...webhookHeaders({ id: idOf(happening), unixS, body }, secret),
      },
      body,
      bytesMax: WEBHOOK_ANSWER_BYTES_MAX,
      signal,
      ...(caFile === undefined ? {} : { tls: { ca: [textOfFile(disk, caFile)] } }),
    };
  };
  return {
    start: () => undefined,
    send: async (happening, signal) => {
      const { status } = await http(requestFor(happening, signal)).catch((thrown: unknown) => {
        const why = thrown instanceof Error ? thrown.message : String(thrown);
        throw new NanofleetError('SINK_FAILED', why, { cause: thrown });
      });
      judge(status, host);
    },
    close: () => Promise.resolve(),
  };
};
