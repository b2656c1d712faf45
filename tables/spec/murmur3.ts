const C1 = 0xcc9e2d51
const C2 = 0x1b873593

/**
 * 32-bit Murmur3 hash (x86 variant, seed 0), signed: what `bucket[n]` is made of.
 * Source: https://iceberg.apache.org/spec/#appendix-b-32-bit-hash-requirements
 */
export function murmur3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const wholeEnd = bytes.length - (bytes.length % 4)
  let hash = 0
  for (let offset = 0; offset < wholeEnd; offset += 4) {
    hash ^= scramble(view.getInt32(offset, true))
    hash = rotateLeft(hash, 13)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let rest = 0
  for (let offset = bytes.length - 1; offset >= wholeEnd; offset -= 1) {
    rest = (rest << 8) | view.getUint8(offset)
  }
  hash ^= scramble(rest)
  return finalMix(hash ^ bytes.length)
}

function scramble(block: number): number {
  return Math.imul(rotateLeft(Math.imul(block, C1), 15), C2)
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

function finalMix(value: number): number {
  let hash = value
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  hash ^= hash >>> 16
  return hash | 0
}
