import type { FieldSummary, Manifest, ManifestEntry } from '../spec/manifest.ts'
import type { PartitionSpec, PartitionValue } from '../spec/partition-spec.ts'
import { partitionType } from '../spec/partition-type.ts'
import type { PrimitiveType, Schema } from '../spec/schema.ts'
import { toSingleValue } from '../spec/single-value.ts'
import type { SingleValue } from '../spec/single-value.ts'

export interface ManifestFacts {
  /** Full location of the manifest file. */
  readonly path: string
  /** Its exact size in bytes: readers open it by this size. */
  readonly length: number
  readonly schema: Schema
  readonly spec: PartitionSpec
  readonly content: 'data' | 'deletes'
  /** The snapshot that adds the manifest. */
  readonly snapshotId: bigint
  /** The sequence number of that snapshot. */
  readonly sequenceNumber: number
}

/** A manifest's line in the manifest list: counts, sequence numbers and partition summaries. */
export function manifestOf(entries: readonly ManifestEntry[], facts: ManifestFacts): Manifest {
  const counts = {
    added: { files: 0, rows: 0 },
    existing: { files: 0, rows: 0 },
    deleted: { files: 0, rows: 0 },
  }
  let minSequenceNumber = facts.sequenceNumber
  for (const { status, sequenceNumber, file } of entries) {
    counts[status].files += 1
    counts[status].rows += file.recordCount
    if (status !== 'deleted' && sequenceNumber !== null && sequenceNumber < minSequenceNumber) {
      minSequenceNumber = sequenceNumber
    }
  }
  return {
    manifestPath: facts.path,
    manifestLength: facts.length,
    partitionSpecId: facts.spec['spec-id'],
    content: facts.content,
    sequenceNumber: facts.sequenceNumber,
    minSequenceNumber,
    addedSnapshotId: facts.snapshotId,
    addedFilesCount: counts.added.files,
    existingFilesCount: counts.existing.files,
    deletedFilesCount: counts.deleted.files,
    addedRowsCount: counts.added.rows,
    existingRowsCount: counts.existing.rows,
    deletedRowsCount: counts.deleted.rows,
    partitions: summarizePartitions(entries, facts),
  }
}

/** Over all entries, deleted ones too, as the reference does. */
function summarizePartitions(
  entries: readonly ManifestEntry[],
  { schema, spec }: ManifestFacts,
): readonly FieldSummary[] {
  return partitionType(schema, spec).map(({ field, type }) =>
    summarize(
      type,
      entries.map((entry) => entry.file.partition[field.name] ?? null),
    ),
  )
}

function summarize(type: PrimitiveType, values: readonly PartitionValue[]): FieldSummary {
  let lower: SingleValue | undefined
  let upper: SingleValue | undefined
  let containsNull = false
  let containsNan = false
  for (const value of values) {
    if (value === null) containsNull = true
    else if (Number.isNaN(value)) containsNan = true
    else {
      if (lower === undefined || compareValues(value, lower) < 0) lower = value
      if (upper === undefined || compareValues(value, upper) > 0) upper = value
    }
  }
  if (lower === undefined || upper === undefined) return { containsNull, containsNan }
  return {
    containsNull,
    containsNan,
    lowerBound: toSingleValue(type, signedZero(lower, -0)),
    upperBound: toSingleValue(type, signedZero(upper, 0)),
  }
}

/** Order of the specification: numbers by value, text and bytes as unsigned bytes. */
function compareValues(a: SingleValue, b: SingleValue): number {
  if (typeof a === 'string' || a instanceof Uint8Array) {
    return Buffer.compare(toBytes(a), toBytes(b))
  }
  return a < b ? -1 : a > b ? 1 : 0
}

function toBytes(value: SingleValue): Uint8Array {
  return value instanceof Uint8Array ? value : Buffer.from(String(value), 'utf8')
}

/** -0.0 is below +0.0 to some readers, so a bound of zero takes the side that keeps both in. */
function signedZero(value: SingleValue, zero: number): SingleValue {
  return value === 0 ? zero : value
}
