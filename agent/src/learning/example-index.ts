/**
 * Which examples a device keeps: at most so many per line, label and origin, an even choice of all that were offered (reservoir of Vitter
 * 1985, algorithm R). Plans and applies changes; pure, and never writes a file.
 */
import { EXAMPLE_AGE_MAX_MS, EXAMPLES_BYTES_MAX, EXAMPLES_PER_LABEL_MAX } from '@nanofleet/protocol';
import { z } from 'zod';

const bucketFields = {
  line: z.string(),
  /** Null is out of scope. */
  label: z.string().nullable(),
  /** A person or program on this device, or a bigger tier. */
  origin: z.enum(['local', 'mini', 'cloud']),
};

const exampleSchema = z.object({
  ...bucketFields,
  /** Names it in the log. */
  number: z.int().min(0),
  text: z.string(),
  /** Milliseconds since 1970. */
  at: z.number(),
});

/** A text with its label. */
export type Example = z.infer<typeof exampleSchema>;

/** Changes of the index, as they lie in the log. */
export const changeSchema = z.object({
  /** Numbers of examples that leave. */
  out: z.array(z.int()),
  /** What comes in, when chance keeps it. */
  put: exampleSchema.optional(),
  /** How many were ever offered to a bucket. */
  offered: z.object({ ...bucketFields, count: z.int().min(1) }).optional(),
});

/** One change of the index. */
export type Change = z.infer<typeof changeSchema>;

/** A text with its label as it is offered. */
export type Offer = Omit<Example, 'number'>;

/** What is to be done with an offer: nothing when it is known so already. */
export interface Plan {
  readonly change: Change | null;
  readonly outcome: 'new' | 'same' | 'changed' | 'counted';
}

interface Bucket {
  readonly of: Pick<Example, 'line' | 'label' | 'origin'>;
  readonly members: Example[];
  offered: number;
  bytes: number;
}

/** One text counts once per line, however often it is said: else one household's favourite would be all that is learnt. */
const keyOf = ({ line, text }: Pick<Example, 'line' | 'text'>): string =>
  `${line}\n${text.trim().toLowerCase()}`;

/** Answers of all bigger tiers share one bucket; corrections have their own, so that no number of answers drives one out. */
const bucketKeyOf = ({ line, label, origin }: Pick<Example, 'line' | 'label' | 'origin'>): string =>
  JSON.stringify([line, label, origin === 'local']);

const bytesOf = ({ text }: Pick<Example, 'text'>): number => Buffer.byteLength(text);

/** The examples of a device in memory. */
export class ExampleIndex {
  readonly #byNumber = new Map<number, Example>();
  readonly #byText = new Map<string, Example>();
  readonly #buckets = new Map<string, Bucket>();
  #nextNumber = 0;
  #bytes = 0;

  /** Of all texts. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#byNumber.size;
  }

  /** All examples, oldest first. */
  all(): Example[] {
    return [...this.#byNumber.values()];
  }

  /** Examples in the bucket that an offer belongs to. */
  countLike(offer: Pick<Example, 'line' | 'label' | 'origin'>): number {
    return this.#buckets.get(bucketKeyOf(offer))?.members.length ?? 0;
  }

  /**
   * What an offer would change.
   * @param share chance, from 0 up to 1
   */
  plan(offer: Offer, share: () => number): Plan {
    const known = this.#byText.get(keyOf(offer));
    if (known !== undefined && !isOverruled(known, offer)) return { change: null, outcome: 'same' };
    const out = known === undefined ? [] : [known];
    const outcome = known === undefined || known.label === offer.label ? 'new' : 'changed';
    const bucket = this.#buckets.get(bucketKeyOf(offer));
    const offered = {
      line: offer.line,
      label: offer.label,
      origin: offer.origin,
      count: (bucket?.offered ?? 0) + 1,
    };
    const members = (bucket?.members ?? []).filter((member) => member !== known);
    if (members.length >= EXAMPLES_PER_LABEL_MAX) {
      const leaving = members[Math.floor(share() * offered.count)];
      if (leaving === undefined) return { change: { out: numbersOf(out), offered }, outcome: 'counted' };
      out.push(leaving);
    }
    this.#makeRoom(out, bytesOf(offer), share);
    return { change: { out: numbersOf(out), put: { ...offer, number: this.#nextNumber }, offered }, outcome };
  }

  /** The change that forgets what is too old; null when nothing is. */
  planAging(nowMs: number): Change | null {
    const old = this.all().filter(({ at }) => at + EXAMPLE_AGE_MAX_MS < nowMs);
    return old.length === 0 ? null : { out: numbersOf(old) };
  }

  /** Does what a change says. */
  apply({ out, put, offered }: Change): void {
    for (const number of out) this.#remove(number);
    if (offered !== undefined) this.#bucketOf(offered).offered = offered.count;
    if (put !== undefined) this.#add(put);
  }

  /** Changes that make an empty index into this one. */
  changes(): Change[] {
    const counts = [...this.#buckets.values()]
      .filter(({ offered }) => offered > 0)
      .map(({ of, offered }) => ({ out: [], offered: { ...of, count: offered } }));
    return [...counts, ...this.all().map((put) => ({ out: [], put }))];
  }

  /** Lets the buckets with most bytes give up examples by chance until the offer fits beside what stays. */
  #makeRoom(out: Example[], bytes: number, share: () => number): void {
    let total = this.#bytes + bytes - out.reduce((sum, example) => sum + bytesOf(example), 0);
    while (total > EXAMPLES_BYTES_MAX) {
      const [fullest] = [...this.#buckets.values()].toSorted((left, right) => right.bytes - left.bytes);
      const members = (fullest?.members ?? []).filter((member) => !out.includes(member));
      const leaving =
        members[Math.floor(share() * members.length)] ?? this.all().find((one) => !out.includes(one));
      if (leaving === undefined) return;
      out.push(leaving);
      total -= bytesOf(leaving);
    }
  }

  #bucketOf({ line, label, origin }: Pick<Example, 'line' | 'label' | 'origin'>): Bucket {
    const of = { line, label, origin };
    const key = bucketKeyOf(of);
    const found = this.#buckets.get(key) ?? { of, members: [], offered: 0, bytes: 0 };
    this.#buckets.set(key, found);
    return found;
  }

  #add(example: Example): void {
    const bucket = this.#bucketOf(example);
    bucket.members.push(example);
    bucket.bytes += bytesOf(example);
    this.#byNumber.set(example.number, example);
    this.#byText.set(keyOf(example), example);
    this.#bytes += bytesOf(example);
    this.#nextNumber = Math.max(this.#nextNumber, example.number + 1);
  }

  #remove(number: number): void {
    const example = this.#byNumber.get(number);
    if (example === undefined) return;
    const bucket = this.#bucketOf(example);
    bucket.members.splice(bucket.members.indexOf(example), 1);
    bucket.bytes -= bytesOf(example);
    this.#byNumber.delete(number);
    this.#byText.delete(keyOf(example));
    this.#bytes -= bytesOf(example);
  }
}

/** A correction on the device stands against every answer of a bigger tier; among equals the later one counts. */
const isOverruled = (known: Example, offer: Offer): boolean => {
  if (offer.origin === 'local') return known.origin !== 'local' || known.label !== offer.label;
  return known.origin !== 'local' && known.label !== offer.label;
};

const numbersOf = (examples: readonly Example[]): number[] => examples.map(({ number }) => number);
