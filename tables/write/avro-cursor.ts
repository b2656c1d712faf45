/** A place in Avro bytes. Every read is checked against their end: lengths in them may be lies. */
export interface AvroCursor {
  readonly position: number
  /** A whole number of up to 64 bits; beyond 2^53 it is rounded. */
  readLong(): number
  readBytes(length: number): Buffer
  skip(length: number): void
  /** How many bytes are left. */
  readonly rest: number
}

/** What a varint of 64 bits takes. */
const VARINT_BYTES_MAX = 10

/**
 * A cursor at the start of `bytes`. Its functions throw RangeError where the bytes end early.
 * Source: https://avro.apache.org/docs/1.11.1/specification/#binary-encoding
 */
export function createAvroCursor(bytes: Buffer): AvroCursor {
  let position = 0
  const skip = (length: number): void => {
    if (!(length >= 0 && length <= bytes.length - position)) {
      throw new RangeError(`${length} bytes are said to follow where fewer are left`)
    }
    position += length
  }
  return {
    get position() {
      return position
    },
    get rest() {
      return bytes.length - position
    },
    skip,
    readBytes: (length) => {
      const start = position
      skip(length)
      return bytes.subarray(start, position)
    },
    readLong: () => {
      let value = 0
      let unit = 1
      for (let index = 0; index < VARINT_BYTES_MAX; index += 1) {
        const byte = bytes[position]
        if (byte === undefined) throw new RangeError('the bytes end in the middle of a number')
        position += 1
        value += (byte & 0x7f) * unit
        if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
        unit *= 128
      }
      throw new RangeError('a number does not end')
    },
  }
}

/**
 * Calls `readItem` for each item of an array or a map. They come in blocks with a count each; a
 * negative one is followed by the size of its block. No item takes less than a byte, so a count
 * beyond the rest is refused before anything is done for it.
 */
export function forEachItem(cursor: AvroCursor, readItem: () => void): void {
  for (let count = cursor.readLong(); count !== 0; count = cursor.readLong()) {
    if (count < 0) cursor.readLong()
    const items = Math.abs(count)
    if (items > cursor.rest) throw new RangeError(`${items} items are said to follow`)
    for (let index = 0; index < items; index += 1) readItem()
  }
}
