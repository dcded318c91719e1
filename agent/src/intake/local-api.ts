/**
 * The local API over HTTP: one function per path, errors as RFC 9457 problems. Owns statuses and content types; the
 * service owns what happens. Nothing that a client sends ends the process.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import {
  type ItemAnswer,
  LOCAL_PATHS,
  labelPath,
  NanofleetError,
  PROBLEM_TYPE,
  problemOf,
  replyPath,
  toNanofleetError,
} from '@nanofleet/protocol';
import type { Log } from '@nanofleet/runtime/ports';
import { answerReply } from './answer-reply.ts';
import { answerStream, itemError } from './answer-stream.ts';
import type { Guard } from './guard.ts';
import type { LocalService } from './local-service.ts';
import { readJson, readText } from './read-body.ts';
import { parseBatch, parseDecide, parseLabel, parseSamples, parseTeach } from './requests.ts';

type Route = (
  service: LocalService,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<void> | void;

const sendJson = (
  response: ServerResponse,
  value: unknown,
  options = { status: 200, type: 'application/json' },
) => {
  const body = JSON.stringify(value);
  response.writeHead(options.status, {
    'content-type': options.type,
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
};

const decide: Route = async (service, request, response) => {
  const { text, ...ask } = parseDecide(await readJson(request));
  sendJson(response, await service.decide(text, ask));
};

const batch: Route = async (service, request, response) => {
  const { texts, ...ask } = parseBatch(await readJson(request));
  const items: ItemAnswer[] = [];
  for (const [item, text] of texts.entries()) {
    items.push(await service.decide(text, ask).catch((thrown: unknown) => itemError(thrown, item)));
  }
  sendJson(response, { items });
};

const samples: Route = async (service, request, response) => {
  sendJson(response, await service.samples(parseSamples(await readJson(request))));
};

const decision: Route = (service, request, response) => {
  const id = (request.url ?? '').slice(LOCAL_PATHS.decision.length);
  if (id.endsWith(REPLY)) return answerReply(service, id.slice(0, -REPLY.length), response);
  const found = service.decision(id);
  if (found === null)
    throw new NanofleetError('DECISION_UNKNOWN', `no decision ${id.slice(0, 80)} is remembered`);
  sendJson(response, found);
};

/** Id of the decision in `/v1/decisions/{id}/label`; null for another path. */
const labelledIn = (path: string): string | null =>
  path.startsWith(LOCAL_PATHS.decision) && path.endsWith(LABEL)
    ? path.slice(LOCAL_PATHS.decision.length, -LABEL.length)
    : null;

const REPLY = replyPath('').slice(LOCAL_PATHS.decision.length);
const LABEL = labelPath('').slice(LOCAL_PATHS.decision.length);

const label: Route = async (service, request, response) => {
  const id = labelledIn(request.url ?? '') ?? '';
  sendJson(response, service.label(id, parseLabel(await readJson(request))));
};

const teach: Route = async (service, request, response) => {
  sendJson(response, service.teach(parseTeach(await readJson(request))));
};

const post: Route = async (service, request, response) => {
  const name = (request.url ?? '').slice(LOCAL_PATHS.source.length);
  sendJson(response, await service.post(name, await readText(request)));
};

const POST: Readonly<Record<string, Route>> = {
  [LOCAL_PATHS.decide]: decide,
  [LOCAL_PATHS.batch]: batch,
  [LOCAL_PATHS.stream]: answerStream,
  [LOCAL_PATHS.samples]: samples,
  [LOCAL_PATHS.examples]: teach,
  [LOCAL_PATHS.wipe]: (service, _request, response) => sendJson(response, service.wipe()),
};

const GET: Readonly<Record<string, Route>> = {
  [LOCAL_PATHS.status]: (service, _request, response) => sendJson(response, service.status()),
  [LOCAL_PATHS.examples]: (service, _request, response) => sendJson(response, service.examples()),
  [LOCAL_PATHS.outbound]: (service, _request, response) => sendJson(response, service.outbound()),
  [LOCAL_PATHS.health]: (_service, _request, response) => sendJson(response, { ok: true }),
};

const routeOf = (method: string | undefined, path: string): Route => {
  if (method === 'POST' && path.startsWith(LOCAL_PATHS.source)) return post;
  const known =
    labelledIn(path) === null
      ? { POST: POST[path], GET: path.startsWith(LOCAL_PATHS.decision) ? decision : GET[path] }
      : { POST: label, GET: undefined };
  const route = method === 'POST' || method === 'GET' ? known[method] : undefined;
  if (route !== undefined) return route;
  if (known.POST !== undefined || known.GET !== undefined) {
    const allowed = known.POST === undefined ? 'GET' : 'POST';
    throw new NanofleetError('METHOD_NOT_ALLOWED', `${path} takes ${allowed}`);
  }
  throw new NanofleetError('NOT_FOUND', `there is nothing at ${path.slice(0, 100)}`);
};

const sendProblem = (response: ServerResponse, thrown: unknown, log: Log): void => {
  const error = toNanofleetError(thrown);
  if (error.code === 'INTERNAL') log.warn('request-failed', { why: error.message.slice(0, 500) });
  if (response.destroyed) return;
  if (response.headersSent) response.destroy();
  else sendJson(response, problemOf(error), { status: error.status, type: PROBLEM_TYPE });
};

/**
 * Makes the function that answers requests.
 * @param guard checks a request before anything else; null for a listener that file modes protect
 */
export const makeLocalApi = (options: {
  service: LocalService;
  guard: Guard | null;
  log: Log;
}): RequestListener => {
  const { service, guard, log } = options;
  return (request, response) => {
    void (async () => {
      try {
        guard?.(request);
        await routeOf(request.method, request.url ?? '/')(service, request, response);
      } catch (thrown) {
        sendProblem(response, thrown, log);
      }
    })();
  };
};
