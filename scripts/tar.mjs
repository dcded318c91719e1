// Tar archives whose bytes depend on nothing but names, modes and content (ustar, POSIX.1-1988): no times, no owners,
// in the order of names. Reads only what npm packs.

const BLOCK = 512;
const NAME_BYTES_MAX = 100;
const SUM_AT = 148;
const SUM_BYTES = 8;

const octal = (value, width) => `${value.toString(8).padStart(width - 1, '0')}\0`;

function header({ path, mode, bytes }) {
  if (Buffer.byteLength(path) > NAME_BYTES_MAX)
    throw new TypeError(`${path} is too long a name for this archive`);
  const block = Buffer.alloc(BLOCK);
  block.write(path, 0);
  block.write(octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(bytes.length, 12) + octal(0, 12), 100);
  block.write(`${' '.repeat(SUM_BYTES)}0`, SUM_AT);
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, SUM_AT);
  return block;
}

/** An archive of files `{path, mode, bytes}`. */
export function tarOf(files) {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const parts = sorted.flatMap((file) => [
    header(file),
    file.bytes,
    Buffer.alloc((BLOCK - (file.bytes.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

/** Files of an archive by their path. */
export function untar(archive) {
  const files = new Map();
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const text = (from, length) =>
      archive.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(text(124, 12), 8);
    const prefix = text(345, 155);
    const name = text(0, NAME_BYTES_MAX);
    files.set(prefix === '' ? name : `${prefix}/${name}`, archive.subarray(at + BLOCK, at + BLOCK + size));
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
