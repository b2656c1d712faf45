import type { DataFile } from '../tables/spec/manifest.ts'
import { primitiveShape } from '../tables/spec/primitive-type.ts'
import type { PrimitiveType } from '../tables/spec/schema.ts'
import { toSingleValue } from '../tables/spec/single-value.ts'
import type { SingleValue } from '../tables/spec/single-value.ts'
import type { TableMetadata } from '../tables/spec/table-metadata.ts'
import { currentSchema, defaultSpec } from '../tables/write/current-layout.ts'

/** What is said of a data file that is not there. */
export interface NamedFile {
  /** Below the table's `data/`. */
  readonly name: string
  readonly recordCount: number
  readonly fileSizeBytes: number
  /** Every time in it, µs: decides its partition. */
  readonly timeUs: bigint
}

const DAY_US = 86_400_000_000n

/**
 * A data file that is a name, with the bounds and counts of a real one: commits and plans open no
 * data file. The table is partitioned by days or months of one time, as those of a lake are.
 */
export function namedFile(metadata: TableMetadata, facts: NamedFile): DataFile {
  const { fields } = currentSchema(metadata)
  const { recordCount, fileSizeBytes } = facts
  const perColumn = <T>(value: (id: number) => T): ReadonlyMap<number, T> =>
    new Map(fields.map(({ id }) => [id, value(id)]))
  const bounds = new Map(
    fields.flatMap(({ id, type }) =>
      typeof type === 'string' ? [[id, boundOf(type, facts.timeUs)] as const] : [],
    ),
  )
  return {
    content: 'data',
    filePath: `${metadata.location}/data/${facts.name}.parquet`,
    fileFormat: 'PARQUET',
    specId: metadata['default-spec-id'],
    partition: partitionOf(metadata, facts.timeUs),
    recordCount,
    fileSizeBytes,
    columnSizes: perColumn((id) => Math.ceil(fileSizeBytes / fields.length) + id),
    valueCounts: perColumn(() => recordCount),
    nullValueCounts: perColumn(() => 0),
    nanValueCounts: new Map(),
    lowerBounds: bounds,
    upperBounds: bounds,
    splitOffsets: [4],
  }
}

function partitionOf(metadata: TableMetadata, timeUs: bigint): DataFile['partition'] {
  const days = Number(timeUs / DAY_US)
  const date = new Date(days * 86_400_000)
  const months = (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()
  return Object.fromEntries(
    defaultSpec(metadata).fields.map(({ name, transform }) => {
      if (transform !== 'day' && transform !== 'month') {
        throw new RangeError(`no value is known of the partition ${name} (${transform})`)
      }
      return [name, transform === 'day' ? days : months]
    }),
  )
}

function boundOf(type: PrimitiveType, timeUs: bigint): Uint8Array {
  return toSingleValue(type, valueOf(type, timeUs))
}

function valueOf(type: PrimitiveType, timeUs: bigint): SingleValue {
  switch (primitiveShape(type).kind) {
    case 'timestamp':
    case 'timestamptz':
      return timeUs
    case 'long':
    case 'decimal':
      return 1_234_567n
    case 'boolean':
      return true
    case 'int':
    case 'date':
    case 'float':
    case 'double':
      return 1
    case 'string':
      return 'us-equity:SYM042'
    default:
      throw new RangeError(`no bound is known of the type ${type}`)
  }
}
