/**
 * Members of a tar file (POSIX ustar) one after the other: what `tar -x` reads, and no more of the format than that
 * needs. Knows nothing of what members mean.
 */
import { damaged } from './sealing.ts';

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
/** Octal digits of a size: 8 GiB less one byte. */
const SIZE_DIGITS = 11;

/** A member on its way in. */
export interface NewMember {
  /** At most 100 bytes. */
  readonly name: string;
  readonly bytes: number;
  readonly content: AsyncIterable<Uint8Array>;
}

/** A member on its way out; its content is to be read before the next one. */
export interface Member {
  readonly name: string;
  readonly bytes: number;
  readonly content: AsyncIterable<Buffer>;
}

const headerOf = ({ bytes, name }: NewMember): Buffer => {
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) throw damaged(`the name ${name} is too long`);
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0);
  header.write('0000600\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${bytes.toString(8).padStart(SIZE_DIGITS, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
};

const paddingOf = (bytes: number): number => (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES;

/** The bytes of a tar file. */
export async function* writeTar(members: AsyncIterable<NewMember>): AsyncGenerator<Uint8Array> {
  for await (const member of members) {
    yield headerOf(member);
    let left = member.bytes;
    for await (const chunk of member.content) {
      left -= chunk.length;
      if (left < 0) break;
      yield chunk;
    }
    if (left !== 0) throw damaged(`${member.name} changed its size while it was read`);
    yield Buffer.alloc(paddingOf(member.bytes));
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

/** Bytes of a stream in the portions that are asked for. */
class Portions {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes. */
  async exactly(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.upTo(count)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** So many bytes as they come. */
  async *upTo(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      if (this.#rest.length === 0) {
        const next = await this.#source.next();
        if (next.done === true) throw damaged('it ends within a member');
        this.#rest = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
      }
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  /** Reads to the end, so that what stands there is checked, too. */
  async finish(): Promise<void> {
    while ((await this.#source.next()).done !== true);
  }
}

/** The members of a tar file. @throws NanofleetError BACKUP_INVALID */
export async function* readTar(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Member> {
  const portions = new Portions(bytes);
  for (;;) {
    const header = await portions.exactly(BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) break;
    const name = header.subarray(0, NAME_BYTES_MAX).toString('utf8').replace(/\0.*$/s, '');
    const size = Number.parseInt(header.subarray(124, 124 + SIZE_DIGITS).toString('latin1'), 8);
    if (name === '' || !Number.isSafeInteger(size)) throw damaged('the head of a member cannot be read');
    const content = portions.upTo(size);
    yield { name, bytes: size, content };
    // What the reader left is skipped.
    for await (const part of content) void part;
    await portions.exactly(paddingOf(size));
  }
  await portions.finish();
}
