import { partitionType } from '../spec/partition-type.ts'
import type { PartitionSpec } from '../spec/partition-spec.ts'
import type { Schema } from '../spec/schema.ts'
import {
  avroIntMap,
  avroList,
  avroName,
  avroTypeOf,
  namedIds,
  optionalField,
  requiredField,
} from './avro-schema.ts'
import type { AvroField, AvroPrimitive, AvroRecord, AvroSchema } from './avro-schema.ts'

/** Field ids of a manifest. Source: https://iceberg.apache.org/spec/#manifests */
export const entryIds = {
  status: 0,
  snapshotId: 1,
  dataFile: 2,
  sequenceNumber: 3,
  fileSequenceNumber: 4,
  filePath: 100,
  fileFormat: 101,
  partition: 102,
  recordCount: 103,
  fileSizeBytes: 104,
  columnSizes: 108,
  valueCounts: 109,
  nullValueCounts: 110,
  lowerBounds: 125,
  upperBounds: 128,
  splitOffsets: 132,
  content: 134,
  equalityIds: 135,
  nanValueCounts: 137,
  sortOrderId: 140,
  firstRowId: 142,
  referencedDataFile: 143,
  contentOffset: 144,
  contentSizeBytes: 145,
} as const

/** Field ids by name, for manifests whose writer knew no ids. */
export const entryFieldIds: ReadonlyMap<string, number> = new Map([
  ...namedIds(entryIds),
  ['file_size_in_bytes', entryIds.fileSizeBytes],
  ['content_size_in_bytes', entryIds.contentSizeBytes],
])

/** The format versions that are written. */
export type FormatVersion = 1 | 2 | 3

/** The Avro schema of a manifest's entries, for one format version and partition spec. */
export function manifestSchema(
  schema: Schema,
  spec: PartitionSpec,
  formatVersion: FormatVersion,
): AvroRecord {
  const from = (first: FormatVersion, ...fields: readonly AvroField[]) =>
    formatVersion >= first ? fields : []
  const dataFile: AvroRecord = {
    type: 'record',
    name: 'r2',
    fields: [
      ...from(2, requiredField(entryIds.content, 'content', 'int')),
      requiredField(entryIds.filePath, 'file_path', 'string'),
      requiredField(entryIds.fileFormat, 'file_format', 'string'),
      requiredField(entryIds.partition, 'partition', partitionRecord(schema, spec)),
      requiredField(entryIds.recordCount, 'record_count', 'long'),
      requiredField(entryIds.fileSizeBytes, 'file_size_in_bytes', 'long'),
      // Says nothing, and readers of version 1 require it.
      ...(formatVersion === 1 ? [requiredField(105, 'block_size_in_bytes', 'long')] : []),
      optionalField(entryIds.columnSizes, 'column_sizes', avroIntMap(117, 118, 'long')),
      optionalField(entryIds.valueCounts, 'value_counts', avroIntMap(119, 120, 'long')),
      optionalField(entryIds.nullValueCounts, 'null_value_counts', avroIntMap(121, 122, 'long')),
      optionalField(entryIds.nanValueCounts, 'nan_value_counts', avroIntMap(138, 139, 'long')),
      optionalField(entryIds.lowerBounds, 'lower_bounds', avroIntMap(126, 127, 'bytes')),
      optionalField(entryIds.upperBounds, 'upper_bounds', avroIntMap(129, 130, 'bytes')),
      optionalField(131, 'key_metadata', 'bytes'),
      optionalField(entryIds.splitOffsets, 'split_offsets', avroList(133, 'long')),
      ...from(2, optionalField(entryIds.equalityIds, 'equality_ids', avroList(136, 'int'))),
      optionalField(entryIds.sortOrderId, 'sort_order_id', 'int'),
      ...from(3, optionalField(entryIds.firstRowId, 'first_row_id', 'long')),
      ...from(2, optionalField(entryIds.referencedDataFile, 'referenced_data_file', 'string')),
      ...from(
        3,
        optionalField(entryIds.contentOffset, 'content_offset', 'long'),
        optionalField(entryIds.contentSizeBytes, 'content_size_in_bytes', 'long'),
      ),
    ],
  }
  return {
    type: 'record',
    name: 'manifest_entry',
    fields: [
      requiredField(entryIds.status, 'status', 'int'),
      formatVersion === 1
        ? requiredField(entryIds.snapshotId, 'snapshot_id', 'long')
        : optionalField(entryIds.snapshotId, 'snapshot_id', 'long'),
      ...from(
        2,
        optionalField(entryIds.sequenceNumber, 'sequence_number', 'long'),
        optionalField(entryIds.fileSequenceNumber, 'file_sequence_number', 'long'),
      ),
      requiredField(entryIds.dataFile, 'data_file', dataFile),
    ],
  }
}

/** Present even where the table is unpartitioned: then a record without fields. */
function partitionRecord(schema: Schema, spec: PartitionSpec): AvroRecord {
  const takenNames = new Set<string>()
  const fields = partitionType(schema, spec).map(({ field, type }): AvroField => {
    const name = avroName(field.name)
    const avroType = uniquelyNamed(takenNames, avroTypeOf(type), field['field-id'])
    const avroField = optionalField(field['field-id'], name, avroType)
    return name === field.name ? avroField : { ...avroField, 'iceberg-field-name': field.name }
  })
  return { type: 'record', name: 'r102', fields }
}

/**
 * Avro forbids two definitions of one name, and PyIceberg does not follow a mere name: so the
 * second decimal of one precision and scale is defined again under a name of its own.
 */
function uniquelyNamed(taken: Set<string>, type: AvroSchema, fieldId: number): AvroSchema {
  const primitive = type as AvroPrimitive
  if (primitive.name === undefined) return type
  const name = taken.has(primitive.name) ? `${primitive.name}_${fieldId}` : primitive.name
  taken.add(name)
  return { ...primitive, name }
}
