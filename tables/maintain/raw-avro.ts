import { SluiceError } from '../errors.ts'
import { createAvroCodec, type AvroValues } from '../write/avro-codec.ts'
import { readAvroContainer, writeAvroContainer } from '../write/avro-container.ts'
import type { AvroField, AvroRecord, AvroSchema } from '../write/avro-schema.ts'

/**
 * An Avro file as it is, whoever wrote it: its own schema, its own header, longs as `bigint`. Made
 * for changing some values and keeping all others, those of newer writers too.
 */
export interface RawAvro {
  readonly schema: AvroRecord
  readonly records: readonly AvroValues[]
  /** A file of the same schema and header with other records. */
  encode(records: readonly AvroValues[]): Uint8Array
}

/** Of the container itself; a writer sets them anew. */
const containerKeys: ReadonlySet<string> = new Set(['avro.codec', 'sluice.sync'])

/** @throws SluiceError `corrupt-data`, `unsupported` for a codec that is not known. */
export function readRawAvro(bytes: Uint8Array): RawAvro {
  const { header, blocks, isVerified } = readAvroContainer(bytes)
  const { schema, codec } = readWriterSchema(header.get('avro.schema') ?? '')
  const kept = [...header].filter(([key]) => !containerKeys.has(key))
  return {
    schema,
    records: blocks.flatMap((block) => codec.decode(block.bytes, block.recordCount, isVerified)),
    encode: (records) =>
      writeAvroContainer(Object.fromEntries(kept), {
        recordCount: records.length,
        bytes: codec.encode(records),
      }),
  }
}

function readWriterSchema(text: string) {
  try {
    const schema = JSON.parse(text) as AvroRecord
    return { schema, codec: createAvroCodec(schema, (field) => isLong(field.type)) }
  } catch (error) {
    throw new SluiceError(
      'corrupt-data',
      'An Avro file has no usable schema in its header. Nothing of it was read; restore the file ' +
        'from a copy.',
      { cause: error },
    )
  }
}

/** The name of a record's field by its id; files of early writers have names only. */
export function fieldName(record: AvroRecord, fieldId: number, usualName: string): string {
  return record.fields.find((field) => field['field-id'] === fieldId)?.name ?? usualName
}

/** The record inside of a field, past a union with null. */
export function innerRecord(record: AvroRecord, name: string): AvroRecord | undefined {
  const field = record.fields.find((one) => one.name === name)
  return field === undefined ? undefined : recordOf(field)
}

function recordOf({ type }: AvroField): AvroRecord | undefined {
  const branches: readonly AvroSchema[] = isBranches(type) ? type : [type]
  return branches.find((one): one is AvroRecord => typeof one === 'object' && 'fields' in one)
}

function isLong(type: AvroSchema): boolean {
  if (typeof type === 'string') return type === 'long'
  if (isBranches(type)) return type.some(isLong)
  return type.type === 'long'
}

function isBranches(type: AvroSchema): type is readonly AvroSchema[] {
  return Array.isArray(type)
}
