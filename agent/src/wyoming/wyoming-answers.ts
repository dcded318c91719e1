/**
 * What the agent answers to events of the Wyoming protocol, as an intent service: `describe`, `recognize`, `transcript`,
 * `ping`. Owns which decisions are intents, and the names of their entities; never a socket. What it has no answer to, it
 * leaves: clients send more than is of use here.
 */
import { type Decision, NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import type { AskOptions } from '../inference/decisions.ts';
import { type Slot, slotsOf } from '../sinks/happening.ts';
import type { LineShape } from '../sinks/home-assistant-discovery.ts';
import type { WyomingConfig } from './wyoming-config.ts';
import type { WyomingEvent } from './wyoming-frames.ts';

/** What answers are made of. */
export interface WyomingService {
  readonly config: WyomingConfig;
  readonly agentVersion: string;
  readonly lines: () => readonly LineShape[];
  readonly decide: (text: string, ask: AskOptions) => Promise<Decision>;
}

const ATTRIBUTION = { name: 'nanofleet', url: '' };

const info = ({ config, agentVersion, lines }: WyomingService): WyomingEvent => {
  const models = lines()
    .filter(({ line, task }) => task === 'text-intent' && (config.line ?? line) === line)
    .map(({ line, version }) => ({
      ...{ name: line, version, attribution: ATTRIBUTION, installed: true },
      ...{ description: `line ${line}`, languages: config.languages },
    }));
  const program = {
    ...{ name: 'nanofleet', version: agentVersion, attribution: ATTRIBUTION, installed: models.length > 0 },
    ...{ description: 'intents of a model on this device', models },
  };
  return {
    type: 'info',
    data: { asr: [], tts: [], handle: [], intent: [program], wake: [], mic: [], snd: [] },
  };
};

interface Recognized {
  readonly label: string;
  readonly slots: readonly Slot[];
}

/** The intent of a decision: what the device is sure of, or what a bigger tier was sure of in time. */
const recognizedIn = (
  { verdict, label, entities = [], offload }: Decision,
  text: string,
): Recognized | null => {
  if (verdict === 'sure') return { label, slots: slotsOf(entities, text) };
  const { answer } = offload;
  if (answer === undefined || answer.verdict !== 'sure' || answer.label === null) return null;
  return { label: answer.label, slots: answer.entities ?? [] };
};

const recognize = async (service: WyomingService, data: WyomingEvent['data']): Promise<WyomingEvent> => {
  const { text, context } = data;
  const { line, waitMs, labels } = service.config;
  // Clients know by it which of their questions is answered.
  const same = typeof context === 'object' && context !== null ? { context } : {};
  if (typeof text !== 'string') throw new NanofleetError('INPUT_INVALID', 'the event has no text');
  const decision = await service.decide(text, { waitMs, ...(line === undefined ? {} : { line }) });
  const found = recognizedIn(decision, text);
  if (found === null || labels?.includes(found.label) === false)
    return { type: 'not-recognized', data: same };
  const entities = found.slots.map(({ name, value }) => ({ name, value }));
  return { type: 'intent', data: { name: found.label, entities, ...same } };
};

const failed = (thrown: unknown): WyomingEvent => {
  const { code, message } = toNanofleetError(thrown);
  if (code.startsWith('TEXT_')) return { type: 'not-recognized', data: {} };
  return { type: 'error', data: { text: message, code } };
};

/** Answers one event; null when it needs no answer. */
export const answerWyoming = async (
  service: WyomingService,
  { type, data }: WyomingEvent,
): Promise<WyomingEvent | null> => {
  switch (type) {
    case 'describe':
      return info(service);
    case 'ping':
      return { type: 'pong', data: typeof data['text'] === 'string' ? { text: data['text'] } : {} };
    case 'recognize':
    case 'transcript':
      return recognize(service, data).catch(failed);
    default:
      return null;
  }
};
