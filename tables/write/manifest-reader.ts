import { SluiceError } from '../errors.ts'
import { createAvroCodec } from './avro-codec.ts'
import type { AvroCodec, AvroValues } from './avro-codec.ts'
import { isUnion } from './avro-schema.ts'
import type { AvroField, AvroRecord, AvroSchema } from './avro-schema.ts'
import { bigLongsOf, partitionFields } from './manifest-codec.ts'
import { listFieldIds, manifestIds } from './manifest-list-schema.ts'
import { entryFieldIds } from './manifest-schema.ts'
import { partitionConverter } from './partition-converter.ts'
import type { PartitionConverter } from './partition-converter.ts'

/** How the files of one writer are read: its schema says what each field is called. */
export interface AvroReader {
  readonly codec: AvroCodec
  /** A field of a record by field id; undefined where the writer does not have it. */
  readonly valueOf: (record: AvroValues, fieldId: number) => unknown
}

export interface ManifestReader extends AvroReader {
  readonly partition: PartitionConverter
}

/** A lake sees few distinct writers; the bound is for one that varies its schema text. */
const READERS_MAX = 256
const manifestReaders = new Map<string, ManifestReader>()
const listReaders = new Map<string, AvroReader>()

export function readerOf(schemaText: string, names: ReadonlyMap<number, string>): ManifestReader {
  const key = `${[...names].join('|')}\n${schemaText}`
  const create = refusingBadSchemas((schema) => {
    const partition = partitionFields(schema)
    return {
      codec: createAvroCodec(schema, bigLongsOf(partition)),
      valueOf: fieldAccess(schema, entryFieldIds),
      partition: partitionConverter(partition, names),
    }
  })
  return remember(manifestReaders, key, () => create(schemaText))
}

export function listReaderOf(schemaText: string): AvroReader {
  const create = refusingBadSchemas((schema) => {
    const isBigLong = ({ name, 'field-id': id }: AvroField) =>
      id === manifestIds.addedSnapshotId ||
      name === 'added_snapshot_id' ||
      id === manifestIds.firstRowId
    return { codec: createAvroCodec(schema, isBigLong), valueOf: fieldAccess(schema, listFieldIds) }
  })
  return remember(listReaders, schemaText, () => create(schemaText))
}

function remember<T>(readers: Map<string, T>, key: string, create: () => T): T {
  const known = readers.get(key)
  if (known !== undefined) return known
  if (readers.size >= READERS_MAX) readers.clear()
  const reader = create()
  readers.set(key, reader)
  return reader
}

/** The codec library throws for a schema that is none; so does a walk through what is no tree. */
function refusingBadSchemas<T>(create: (schema: AvroRecord) => T): (text: string) => T {
  return (text) => {
    try {
      return create(JSON.parse(text) as AvroRecord)
    } catch (error) {
      if (error instanceof SluiceError) throw error
      throw new SluiceError(
        'corrupt-data',
        'An Avro file has no usable schema in its header. Nothing of it was read; restore the ' +
          'file from a copy.',
        { cause: error },
      )
    }
  }
}

/**
 * Ids are unique in a whole manifest, so one index serves the entry and what is nested in it. A
 * writer that knows no ids at all is understood by its names, as the reference does; where only
 * some fields lack theirs, these are unknown fields.
 */
function fieldAccess(
  schema: AvroSchema,
  knownIds: ReadonlyMap<string, number>,
): AvroReader['valueOf'] {
  const names: (string | undefined)[] = []
  collectNames(schema, names, (field) => field['field-id'])
  if (names.length === 0) collectNames(schema, names, (field) => knownIds.get(field.name))
  return (record, fieldId) => {
    const name = names[fieldId]
    return name === undefined ? undefined : record[name]
  }
}

function collectNames(
  schema: AvroSchema,
  names: (string | undefined)[],
  idOf: (field: AvroField) => number | undefined,
): void {
  if (typeof schema === 'string') return
  if (isUnion(schema)) schema.forEach((branch) => collectNames(branch, names, idOf))
  else if ('items' in schema) collectNames(schema.items, names, idOf)
  else if ('fields' in schema) {
    for (const field of schema.fields) {
      const fieldId = idOf(field)
      // Partition field ids start at 1000 and are resolved apart.
      if (fieldId !== undefined && fieldId < 1000) names[fieldId] = field.name
      collectNames(field.type, names, idOf)
    }
  }
}
