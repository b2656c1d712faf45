import { crc32 } from 'node:zlib'
import { SluiceError } from '../errors.ts'
import { encodeRoaringBitmap } from './encode-roaring-bitmap.ts'
import { blocksOf, countPositions, decodeRoaringBitmap } from './roaring-bitmap.ts'
import type { PositionBlock } from './roaring-bitmap.ts'

const MAGIC = Uint8Array.of(0xd1, 0xd3, 0x39, 0x64)
const LENGTH_BYTES = 4
const CHECKSUM_BYTES = 4
const POSITION_END = 2n ** 63n

/** What the manifest says of the deletion vector; the blob has to agree. */
export interface DeletionVectorFacts {
  /** Location of the Puffin file, for messages. */
  readonly location: string
  /** Deleted rows. */
  readonly cardinality: number
  /** Rows of the data file: every position lies below it. */
  readonly rowCount: number
}

/**
 * The positions of a deletion vector blob: length (big-endian) of magic and bitmap, magic, 64-bit
 * Roaring bitmap, CRC-32 (big-endian) of magic and bitmap. Throws `corrupt-data`, naming the file,
 * where length, magic, checksum, cardinality or a position is not right: half a vector would bring
 * deleted rows back.
 * Source: https://iceberg.apache.org/puffin-spec/#deletion-vector-v1-blob-type
 */
export function decodeDeletionVector(
  blob: Uint8Array,
  facts: DeletionVectorFacts,
): readonly PositionBlock[] {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength)
  const framed = bytes.subarray(LENGTH_BYTES, -CHECKSUM_BYTES)
  if (framed.length < MAGIC.length || bytes.readUInt32BE(0) !== framed.length) {
    throw corrupt(facts, 'its length is not the one that the manifest names')
  }
  if (Buffer.compare(framed.subarray(0, MAGIC.length), MAGIC) !== 0) {
    throw corrupt(facts, 'it does not begin as one')
  }
  if (crc32(framed) !== bytes.readUInt32BE(bytes.length - CHECKSUM_BYTES)) {
    throw corrupt(facts, 'its checksum is wrong')
  }
  const blocks = readBitmap(framed.subarray(MAGIC.length), facts)
  if (countPositions(blocks) !== facts.cardinality) {
    throw corrupt(facts, `it does not hold the ${facts.cardinality} positions of the manifest`)
  }
  const last = blocks.at(-1)
  const lastPosition = last === undefined ? -1n : last.base + BigInt(last.lows.at(-1) ?? 0)
  if (lastPosition >= BigInt(facts.rowCount)) {
    throw corrupt(facts, `it names row ${lastPosition} in a file of ${facts.rowCount} rows`)
  }
  return blocks
}

/**
 * A deletion vector blob of these positions, in any order; doubles count once. Byte for byte what
 * the Java library writes while all positions are below 2^32.
 * Throws `invalid-input` for a position that is negative or needs 64 bits.
 */
export function encodeDeletionVector(positions: Iterable<bigint>): Uint8Array {
  const checked = Array.from(positions, checkPosition)
  const framed = Buffer.concat([MAGIC, encodeRoaringBitmap(blocksOf(checked))])
  const blob = Buffer.alloc(LENGTH_BYTES + framed.length + CHECKSUM_BYTES)
  blob.writeUInt32BE(framed.length, 0)
  framed.copy(blob, LENGTH_BYTES)
  blob.writeUInt32BE(crc32(framed), LENGTH_BYTES + framed.length)
  return blob
}

function readBitmap(bytes: Uint8Array, facts: DeletionVectorFacts): readonly PositionBlock[] {
  try {
    return decodeRoaringBitmap(bytes, facts.rowCount)
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    throw corrupt(facts, error.message, error)
  }
}

function checkPosition(position: bigint): bigint {
  if (position >= 0n && position < POSITION_END) return position
  throw new SluiceError(
    'invalid-input',
    `${position} is no position of a row. No deletion vector was made; count rows from 0.`,
  )
}

function corrupt(facts: DeletionVectorFacts, fact: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `The deletion vector in ${facts.location} cannot be trusted: ${fact}. Nothing was read. ` +
      'Restore the file, or roll the table back to a snapshot before it.',
    { context: { file: facts.location }, ...(cause === undefined ? {} : { cause }) },
  )
}
