/**
 * Events of the Wyoming protocol as bytes (rhasspy/wyoming): a header of one line of JSON, more data as JSON, a payload.
 * Owns the bounds of each part; a payload is read and thrown away, since only audio has one. Knows no event's meaning.
 */
import { NanofleetError, WYOMING_DATA_BYTES_MAX, WYOMING_HEADER_BYTES_MAX } from '@nanofleet/protocol';
import { z } from 'zod';

/** One event. */
export interface WyomingEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const NEWLINE = 0x0a;
const dataSchema = z.record(z.string(), z.unknown());
const bytesSchema = z.int().min(0).max(WYOMING_DATA_BYTES_MAX).nullish();
const headerSchema = z.object({
  type: z.string().min(1).max(64),
  data: dataSchema.nullish(),
  data_length: bytesSchema,
  payload_length: bytesSchema,
});

type Header = z.output<typeof headerSchema>;

const malformed = (why: string): NanofleetError => new NanofleetError('INPUT_INVALID', why);

/** JSON in bytes; the error never quotes it. */
const parse = <S extends z.ZodType>(schema: S, bytes: Uint8Array): z.output<S> => {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw malformed('an event is not JSON in UTF-8');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw malformed('an event is not of the form of the Wyoming protocol, or too long');
};

/** An event as bytes: its data behind the header, as the newer clients write it; all clients read it. */
export const encodeWyoming = ({ type, data }: WyomingEvent, version: string): Buffer => {
  const rest = Buffer.from(JSON.stringify(data), 'utf8');
  const header = JSON.stringify({ type, version, data_length: rest.length });
  return Buffer.concat([Buffer.from(`${header}\n`, 'utf8'), rest]);
};

/** Cuts a stream into events. Owns what has come of the event under way, at most as much as its bounds allow. */
export class WyomingCutter {
  #bytes: Buffer = Buffer.alloc(0);
  #header: Header | null = null;

  /** The events that are whole now. @throws NanofleetError INPUT_INVALID; nothing can be read any longer then */
  push(chunk: Uint8Array): WyomingEvent[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const events: WyomingEvent[] = [];
    for (let event = this.#next(); event !== null; event = this.#next()) events.push(event);
    return events;
  }

  #next(): WyomingEvent | null {
    this.#header ??= this.#cutHeader();
    if (this.#header === null) return null;
    const { type, data, data_length: dataBytes, payload_length: payloadBytes } = this.#header;
    const length = (dataBytes ?? 0) + (payloadBytes ?? 0);
    if (this.#bytes.length < length) return null;
    const more = this.#bytes.subarray(0, dataBytes ?? 0);
    this.#bytes = this.#bytes.subarray(length);
    this.#header = null;
    return { type, data: { ...data, ...(more.length === 0 ? {} : parse(dataSchema, more)) } };
  }

  #cutHeader(): Header | null {
    const end = this.#bytes.indexOf(NEWLINE);
    if (Math.max(end, end === -1 ? this.#bytes.length : 0) > WYOMING_HEADER_BYTES_MAX)
      throw malformed(`a header has more than ${WYOMING_HEADER_BYTES_MAX} bytes`);
    if (end === -1) return null;
    const header = parse(headerSchema, this.#bytes.subarray(0, end));
    this.#bytes = this.#bytes.subarray(end + 1);
    return header;
  }
}
