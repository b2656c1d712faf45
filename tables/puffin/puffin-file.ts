import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import { parseJson, stringifyJson } from '../spec/json.ts'

const MAGIC = Buffer.from('PFA1', 'latin1')
/** What follows the footer's payload: its size, four bytes of flags, the magic. */
const TAIL_BYTES = 12
const COMPRESSED_FOOTER = 1

export const DELETION_VECTOR_BLOB = 'deletion-vector-v1'
/** A deletion vector is said to be made of the positions of rows. */
const POSITION_FIELD_ID = 2_147_483_645

const long = z.union([z.number().int(), z.bigint()])
const blobSchema = z.object({
  type: z.string(),
  fields: z.array(z.number().int()),
  'snapshot-id': long,
  'sequence-number': long,
  offset: z.number().int().min(MAGIC.length),
  length: z.number().int().min(0),
  'compression-codec': z.string().optional(),
  properties: z.record(z.string(), z.string()).optional(),
})
const footerSchema = z.object({
  blobs: z.array(blobSchema),
  properties: z.record(z.string(), z.string()).optional(),
})

/** One blob, as the footer describes it (wire names kept). */
export type PuffinBlob = Readonly<z.infer<typeof blobSchema>>

export interface PuffinFooter {
  readonly blobs: readonly PuffinBlob[]
  readonly properties: Readonly<Record<string, string>>
}

/** A blob to be written, `offset` and `length` come by themselves. */
export interface NewPuffinBlob {
  readonly bytes: Uint8Array
  readonly type: string
  readonly fields: readonly number[]
  readonly snapshotId: bigint
  readonly sequenceNumber: number
  readonly properties: Readonly<Record<string, string>>
}

/**
 * The footer of a whole Puffin file. Throws `corrupt-data` for a broken one, naming `location`,
 * and `unsupported` for a compressed footer, which no engine writes for deletion vectors.
 * Source: https://iceberg.apache.org/puffin-spec/
 */
export function readPuffinFooter(bytes: Uint8Array, location: string): PuffinFooter {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const payloadEnd = file.length - TAIL_BYTES
  if (payloadEnd < 2 * MAGIC.length || !hasMagic(file, 0) || !hasMagic(file, payloadEnd + 8)) {
    throw corrupt(location, 'it does not begin and end as a Puffin file')
  }
  const payloadStart = payloadEnd - file.readInt32LE(payloadEnd)
  const isInside = payloadStart >= 2 * MAGIC.length && payloadStart <= payloadEnd
  if (!isInside || !hasMagic(file, payloadStart - MAGIC.length)) {
    throw corrupt(location, 'the size of its footer is wrong')
  }
  const flags = file.readUInt32LE(payloadEnd + 4)
  if (flags !== 0) throw strangeFlags(location, flags)
  const text = file.toString('utf8', payloadStart, payloadEnd)
  const parsed = footerSchema.safeParse(parseFooter(text, location))
  if (!parsed.success) throw corrupt(location, 'its footer lacks a field', parsed.error)
  const { blobs, properties } = parsed.data
  const isWhole = blobs.every((blob) => blob.offset + blob.length <= payloadStart - MAGIC.length)
  if (!isWhole) throw corrupt(location, 'a blob reaches into its footer')
  return { blobs, properties: properties ?? {} }
}

export interface EncodedPuffin {
  readonly bytes: Uint8Array
  /** In the order given: `offset` and `length` are what a manifest says of a deletion vector. */
  readonly blobs: readonly PuffinBlob[]
}

/** A Puffin file of these blobs, footer and blobs not compressed. */
export function encodePuffinFile(
  blobs: readonly NewPuffinBlob[],
  createdBy: string,
): EncodedPuffin {
  const parts: Uint8Array[] = [MAGIC]
  const described: PuffinBlob[] = []
  let offset = MAGIC.length
  for (const blob of blobs) {
    parts.push(blob.bytes)
    described.push({
      type: blob.type,
      fields: [...blob.fields],
      'snapshot-id': blob.snapshotId,
      'sequence-number': blob.sequenceNumber,
      offset,
      length: blob.bytes.length,
      properties: blob.properties,
    })
    offset += blob.bytes.length
  }
  const footer = { blobs: described, properties: { 'created-by': createdBy } }
  const payload = Buffer.from(stringifyJson(footer), 'utf8')
  const tail = Buffer.alloc(TAIL_BYTES)
  tail.writeInt32LE(payload.length, 0)
  MAGIC.copy(tail, 8)
  return { bytes: Buffer.concat([...parts, MAGIC, payload, tail]), blobs: described }
}

/**
 * The blob entry of a deletion vector. Snapshot and sequence number are -1: they are not known
 * when the file is written. Readers find the data file by `referenced-data-file`.
 */
export function deletionVectorBlob(
  bytes: Uint8Array,
  referencedDataFile: string,
  cardinality: number,
): NewPuffinBlob {
  return {
    bytes,
    type: DELETION_VECTOR_BLOB,
    fields: [POSITION_FIELD_ID],
    snapshotId: -1n,
    sequenceNumber: -1,
    properties: {
      'referenced-data-file': referencedDataFile,
      cardinality: String(cardinality),
    },
  }
}

function hasMagic(file: Buffer, offset: number): boolean {
  return Buffer.compare(file.subarray(offset, offset + MAGIC.length), MAGIC) === 0
}

function parseFooter(text: string, location: string): unknown {
  try {
    return parseJson(text)
  } catch (error) {
    throw corrupt(location, 'its footer is not JSON', error)
  }
}

function strangeFlags(location: string, flags: number): SluiceError {
  const what = (flags & COMPRESSED_FOOTER) === 0 ? 'flags of a newer format' : 'a compressed footer'
  return new SluiceError(
    'unsupported',
    `The Puffin file ${location} has ${what}, which is not read here. Nothing was read. ` +
      'Rewrite it without, with the engine that made it.',
  )
}

function corrupt(location: string, fact: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `The Puffin file ${location} is broken: ${fact}. Nothing was read. ` +
      'Restore the file, or roll the table back to a snapshot before it.',
    { context: { file: location }, ...(cause === undefined ? {} : { cause }) },
  )
}
