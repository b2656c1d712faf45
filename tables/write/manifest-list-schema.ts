import { avroList, optionalField, requiredField } from './avro-schema.ts'
import type { AvroRecord } from './avro-schema.ts'

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
} as const

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

/** The Avro schema of a manifest list, format version 2. */
export const manifestListSchema: AvroRecord = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    requiredField(manifestIds.manifestPath, 'manifest_path', 'string'),
    requiredField(manifestIds.manifestLength, 'manifest_length', 'long'),
    requiredField(manifestIds.partitionSpecId, 'partition_spec_id', 'int'),
    requiredField(manifestIds.content, 'content', 'int'),
    requiredField(manifestIds.sequenceNumber, 'sequence_number', 'long'),
    requiredField(manifestIds.minSequenceNumber, 'min_sequence_number', 'long'),
    requiredField(manifestIds.addedSnapshotId, 'added_snapshot_id', 'long'),
    requiredField(manifestIds.addedFilesCount, 'added_files_count', 'int'),
    requiredField(manifestIds.existingFilesCount, 'existing_files_count', 'int'),
    requiredField(manifestIds.deletedFilesCount, 'deleted_files_count', 'int'),
    requiredField(manifestIds.addedRowsCount, 'added_rows_count', 'long'),
    requiredField(manifestIds.existingRowsCount, 'existing_rows_count', 'long'),
    requiredField(manifestIds.deletedRowsCount, 'deleted_rows_count', 'long'),
    optionalField(manifestIds.partitions, 'partitions', avroList(508, fieldSummary)),
    optionalField(519, 'key_metadata', 'bytes'),
  ],
}
