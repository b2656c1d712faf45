import { avroList, namedIds, optionalField, requiredField } from './avro-schema.ts'
import type { AvroRecord } from './avro-schema.ts'
import type { FormatVersion } from './manifest-schema.ts'

/** Field ids of a manifest list. Source: https://iceberg.apache.org/spec/#manifest-lists */
export const manifestIds = {
  manifestPath: 500,
  manifestLength: 501,
  partitionSpecId: 502,
  addedSnapshotId: 503,
  addedFilesCount: 504,
  existingFilesCount: 505,
  deletedFilesCount: 506,
  partitions: 507,
  containsNull: 509,
  lowerBound: 510,
  upperBound: 511,
  addedRowsCount: 512,
  existingRowsCount: 513,
  deletedRowsCount: 514,
  sequenceNumber: 515,
  minSequenceNumber: 516,
  content: 517,
  containsNan: 518,
  firstRowId: 520,
} as const

/** Field ids by name, for lists whose writer knew no ids. */
export const listFieldIds: ReadonlyMap<string, number> = new Map([
  ...namedIds(manifestIds),
  // As version 1 called them at first.
  ['added_data_files_count', manifestIds.addedFilesCount],
  ['existing_data_files_count', manifestIds.existingFilesCount],
  ['deleted_data_files_count', manifestIds.deletedFilesCount],
])

const fieldSummary: AvroRecord = {
  type: 'record',
  name: 'r508',
  fields: [
    requiredField(manifestIds.containsNull, 'contains_null', 'boolean'),
    optionalField(manifestIds.containsNan, 'contains_nan', 'boolean'),
    optionalField(manifestIds.lowerBound, 'lower_bound', 'bytes'),
    optionalField(manifestIds.upperBound, 'upper_bound', 'bytes'),
  ],
}

/** The Avro schema of a manifest list. */
export function manifestListSchema(formatVersion: FormatVersion): AvroRecord {
  const from = (first: FormatVersion, ...fields: AvroRecord['fields']) =>
    formatVersion >= first ? fields : []
  // Version 1 may leave its counts out; we say them always.
  const count = formatVersion === 1 ? optionalField : requiredField
  return {
    type: 'record',
    name: 'manifest_file',
    fields: [
      requiredField(manifestIds.manifestPath, 'manifest_path', 'string'),
      requiredField(manifestIds.manifestLength, 'manifest_length', 'long'),
      requiredField(manifestIds.partitionSpecId, 'partition_spec_id', 'int'),
      ...from(
        2,
        requiredField(manifestIds.content, 'content', 'int'),
        requiredField(manifestIds.sequenceNumber, 'sequence_number', 'long'),
        requiredField(manifestIds.minSequenceNumber, 'min_sequence_number', 'long'),
      ),
      requiredField(manifestIds.addedSnapshotId, 'added_snapshot_id', 'long'),
      count(manifestIds.addedFilesCount, 'added_files_count', 'int'),
      count(manifestIds.existingFilesCount, 'existing_files_count', 'int'),
      count(manifestIds.deletedFilesCount, 'deleted_files_count', 'int'),
      count(manifestIds.addedRowsCount, 'added_rows_count', 'long'),
      count(manifestIds.existingRowsCount, 'existing_rows_count', 'long'),
      count(manifestIds.deletedRowsCount, 'deleted_rows_count', 'long'),
      optionalField(manifestIds.partitions, 'partitions', avroList(508, fieldSummary)),
      optionalField(519, 'key_metadata', 'bytes'),
      ...from(3, optionalField(manifestIds.firstRowId, 'first_row_id', 'long')),
    ],
  }
}
