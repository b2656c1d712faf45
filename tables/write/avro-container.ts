import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import avro from 'avsc'
import { decompress as uncompressZstd } from 'fzstd'
import { SluiceError } from '../errors.ts'
import { createAvroCursor, forEachItem } from './avro-cursor.ts'
import type { AvroCursor } from './avro-cursor.ts'
import { uncompressSnappy } from './snappy.ts'

/** The records of an Avro file before they are decoded. */
export interface AvroContainer {
  /** The file's header, `avro.schema` and `avro.codec` among it. */
  readonly header: ReadonlyMap<string, string>
  readonly blocks: readonly AvroBlock[]
  /** The file has a checksum, and it is right: nothing in it can be other than it was written. */
  readonly isVerified: boolean
}

export interface AvroBlock {
  readonly recordCount: number
  /** Uncompressed. */
  readonly bytes: Uint8Array
}

const MAGIC = Buffer.from('Obj\x01', 'latin1')
/** Manifests are written often and read once or twice: level 1 is twice as fast as 6. */
const DEFLATE_LEVEL = 1

/** Far above any manifest: a small block that unpacks to all memory is none. */
const BLOCK_BYTES_MAX = 512 * 1024 * 1024

const SYNC_BYTES = 16
/** Header member that says how the sync marker of a file of ours was made. */
const SYNC_KEY = 'sluice.sync'
const SYNC_IS_HASH = 'sha256'

const headerType = avro.Type.forSchema({
  type: 'record',
  name: 'Header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'Magic', size: 4 } },
    { name: 'meta', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'Sync', size: 16 } },
  ],
})

const blockType = avro.Type.forSchema({
  type: 'record',
  name: 'Block',
  fields: [
    { name: 'count', type: 'long' },
    { name: 'data', type: 'bytes' },
    { name: 'sync', type: { type: 'fixed', name: 'BlockSync', size: 16 } },
  ],
})

/**
 * An Avro object container file with one deflated block (none where there is no record). The sync
 * marker is a hash of the whole content: equal content gives equal bytes, and a reader that knows
 * it sees any bit that changed since, which plain Avro does not notice.
 * Source: https://avro.apache.org/docs/1.11.1/specification/#object-container-files
 */
export function writeAvroContainer(
  header: Readonly<Record<string, string>>,
  block: AvroBlock,
): Uint8Array {
  const data = deflateRawSync(block.bytes, { level: DEFLATE_LEVEL })
  const meta: Record<string, Buffer> = {
    'avro.codec': Buffer.from('deflate'),
    [SYNC_KEY]: Buffer.from(SYNC_IS_HASH),
  }
  for (const [name, text] of Object.entries(header)) meta[name] = Buffer.from(text)
  const head = headerType.toBuffer({ magic: MAGIC, meta, sync: Buffer.alloc(SYNC_BYTES) })
  const sync = hashOf(head.subarray(0, -SYNC_BYTES), block.recordCount === 0 ? [] : [data])
  head.set(sync, head.length - SYNC_BYTES)
  if (block.recordCount === 0) return head
  return Buffer.concat([head, blockType.toBuffer({ count: block.recordCount, data, sync })])
}

/** Throws `corrupt-data` for a broken file, `unsupported` for a codec that is not known here. */
export function readAvroContainer(bytes: Uint8Array): AvroContainer {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!buffer.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw corrupt('it does not begin as an Avro file')
  }
  const cursor = createAvroCursor(buffer)
  const header = readPart(() => readHeader(cursor))
  const sync = readPart(() => cursor.readBytes(SYNC_BYTES))
  const headEnd = cursor.position - SYNC_BYTES
  const packed: { recordCount: number; data: Buffer }[] = []
  while (cursor.rest > 0) {
    const recordCount = readPart(() => cursor.readLong())
    const data = readPart(() => cursor.readBytes(cursor.readLong()))
    if (!readPart(() => cursor.readBytes(SYNC_BYTES)).equals(sync)) {
      throw corrupt('a block ends without the sync marker')
    }
    packed.push({ recordCount, data })
  }
  // Before anything is unpacked: what is broken may say that it holds gigabytes.
  const isVerified = header.get(SYNC_KEY) === SYNC_IS_HASH
  const parts = packed.map(({ data }) => data)
  if (isVerified && !sync.equals(hashOf(buffer.subarray(0, headEnd), parts))) {
    throw corrupt('its content is not what was written')
  }
  const codec = header.get('avro.codec') ?? 'null'
  const blocks = packed.map(({ recordCount, data }) => ({
    recordCount,
    bytes: uncompress(codec, data),
  }))
  return { header, blocks, isVerified }
}

function readHeader(cursor: AvroCursor): ReadonlyMap<string, string> {
  cursor.skip(MAGIC.length)
  const header = new Map<string, string>()
  const readText = () => cursor.readBytes(cursor.readLong()).toString('utf8')
  forEachItem(cursor, () => {
    const name = readText()
    header.set(name, readText())
  })
  return header
}

function hashOf(head: Buffer, packed: readonly Buffer[]): Buffer {
  const hash = createHash('sha256').update(head)
  for (const data of packed) hash.update(data)
  return hash.digest().subarray(0, SYNC_BYTES)
}

function readPart<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw corrupt('its header or a block is cut off, or has impossible lengths', error)
  }
}

function uncompress(codec: string, data: Buffer): Uint8Array {
  try {
    if (codec === 'null') return data
    if (codec === 'deflate') return inflateRawSync(data, { maxOutputLength: BLOCK_BYTES_MAX })
    // Four bytes of checksum follow each snappy block.
    if (codec === 'snappy') return uncompressSnappy(data.subarray(0, -4))
    if (codec === 'zstandard') return uncompressZstd(data)
  } catch (error) {
    throw corrupt(`a ${codec} block does not unpack`, error)
  }
  throw new SluiceError(
    'unsupported',
    `An Avro file is packed with ${codec}; null, deflate, snappy and zstandard are known. It was ` +
      'not read; set write.avro.compression-codec to gzip in the engine that wrote it.',
  )
}

function corrupt(fact: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `An Avro file is broken: ${fact}. Nothing of it was used; restore it from a copy.`,
    { cause },
  )
}
