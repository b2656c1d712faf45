/**
 * Unpacks a raw snappy block. Throws a plain `Error` where it is broken; the reader of the file
 * says which file that is.
 * Source: https://github.com/google/snappy/blob/main/format_description.txt
 */
export function uncompressSnappy(input: Uint8Array): Uint8Array {
  const { value: size, next } = readVarint(input)
  if (size > input.length * EXPANSION_MAX) throw new Error('a snappy block is longer than can be')
  const output = new Uint8Array(size)
  let read = next
  let written = 0
  while (read < input.length) {
    const tag = byteAt(input, read)
    read += 1
    if ((tag & 3) === 0) {
      const literal = literalLength(input, tag, read)
      const bytes = input.subarray(literal.next, literal.next + literal.length)
      if (bytes.length !== literal.length) throw new Error('a snappy literal is cut off')
      if (written + bytes.length > size) throw new Error('a snappy block is longer than it says')
      output.set(bytes, written)
      written += bytes.length
      read = literal.next + literal.length
    } else {
      const copy = copyOf(input, tag, read)
      read = copy.next
      if (copy.offset === 0 || copy.offset > written || written + copy.length > size) {
        throw new Error('a snappy copy points outside the block')
      }
      // Byte by byte: a copy may overlap what it writes, which is how runs are said.
      for (let count = 0; count < copy.length; count += 1, written += 1) {
        output[written] = output[written - copy.offset] ?? 0
      }
    }
  }
  if (written !== size) throw new Error(`a snappy block has ${written} bytes, not ${size}`)
  return output
}

/** A copy of three bytes writes 64 at the most. */
const EXPANSION_MAX = 32

/** Lengths above 60 follow the tag in one to four bytes. */
function literalLength(input: Uint8Array, tag: number, at: number) {
  const code = tag >> 2
  if (code < 60) return { length: code + 1, next: at }
  const bytes = code - 59
  return { length: littleEndian(input, at, bytes) + 1, next: at + bytes }
}

function copyOf(input: Uint8Array, tag: number, at: number) {
  const kind = tag & 3
  if (kind === 1) {
    const offset = ((tag >> 5) << 8) | byteAt(input, at)
    return { length: ((tag >> 2) & 7) + 4, offset, next: at + 1 }
  }
  const bytes = kind === 2 ? 2 : 4
  return { length: (tag >> 2) + 1, offset: littleEndian(input, at, bytes), next: at + bytes }
}

function readVarint(input: Uint8Array) {
  let value = 0
  for (let index = 0; index < 5; index += 1) {
    const byte = byteAt(input, index)
    value += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return { value, next: index + 1 }
  }
  throw new Error('a snappy block has no length')
}

function littleEndian(input: Uint8Array, at: number, bytes: number): number {
  let value = 0
  for (let index = bytes - 1; index >= 0; index -= 1)
    value = value * 256 + byteAt(input, at + index)
  return value
}

function byteAt(input: Uint8Array, index: number): number {
  const byte = input[index]
  if (byte === undefined) throw new Error('a snappy block is cut off')
  return byte
}
