// Cuts off what no loader reads from a program: symbol and section tables of ELF, which lie behind the last loaded byte.
// Ours instead of `strip`: one machine's does not know the other processor, and each version writes other bytes.

const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;

/** The program (ELF, 64 bits, little-endian) without symbols. */
export function withoutSymbols(program) {
  const isElf = program.readUInt32BE(0) === 0x7f454c46;
  if (!isElf || program[4] !== CLASS_64 || program[5] !== LITTLE_ENDIAN)
    throw new TypeError('no ELF of 64 bits');
  const headersAt = Number(program.readBigUInt64LE(32));
  const headerBytes = program.readUInt16LE(54);
  const ends = Array.from({ length: program.readUInt16LE(56) }, (_, index) => {
    const at = headersAt + index * headerBytes;
    return Number(program.readBigUInt64LE(at + 8) + program.readBigUInt64LE(at + 32));
  });
  const cut = Buffer.from(program.subarray(0, Math.max(...ends)));
  // No section table any more: offset, count and index of names.
  cut.writeBigUInt64LE(0n, 40);
  cut.writeUInt16LE(0, 60);
  cut.writeUInt16LE(0, 62);
  return cut;
}
