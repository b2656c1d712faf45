import { stringifyJson } from '../spec/json.ts'
import type { PartitionSpec } from '../spec/partition-spec.ts'
import type { Schema } from '../spec/schema.ts'
import { createAvroCodec } from './avro-codec.ts'
import type { AvroCodec } from './avro-codec.ts'
import { withoutNull } from './avro-schema.ts'
import type { AvroField, AvroRecord } from './avro-schema.ts'
import { entryIds, manifestSchema } from './manifest-schema.ts'
import type { FormatVersion } from './manifest-schema.ts'
import { partitionConverter } from './partition-converter.ts'
import type { PartitionConverter } from './partition-converter.ts'

/** What writing a manifest of one schema, spec and format version needs; made once and kept. */
export interface ManifestCodec {
  readonly codec: AvroCodec
  readonly partition: PartitionConverter
  /** The file's header, but for the content. */
  readonly header: Readonly<Record<string, string>>
}

/** By the objects themselves: metadata keeps its schemas and specs from commit to commit. */
const codecs = new WeakMap<Schema, WeakMap<PartitionSpec, Map<FormatVersion, ManifestCodec>>>()

export function manifestCodec(
  schema: Schema,
  spec: PartitionSpec,
  formatVersion: FormatVersion,
): ManifestCodec {
  let bySpec = codecs.get(schema)
  if (bySpec === undefined) {
    bySpec = new WeakMap()
    codecs.set(schema, bySpec)
  }
  const byVersion = bySpec.get(spec) ?? new Map<FormatVersion, ManifestCodec>()
  bySpec.set(spec, byVersion)
  const known = byVersion.get(formatVersion)
  if (known !== undefined) return known
  const made = createManifestCodec(schema, spec, formatVersion)
  byVersion.set(formatVersion, made)
  return made
}

function createManifestCodec(
  schema: Schema,
  spec: PartitionSpec,
  formatVersion: FormatVersion,
): ManifestCodec {
  const avroSchema = manifestSchema(schema, spec, formatVersion)
  const partition = partitionFields(avroSchema)
  return {
    codec: createAvroCodec(avroSchema, bigLongsOf(partition)),
    partition: partitionConverter(partition, new Map(namesOf(spec))),
    header: {
      'avro.schema': JSON.stringify(avroSchema),
      schema: stringifyJson(schema),
      'schema-id': String(schema['schema-id']),
      'partition-spec': stringifyJson(spec.fields),
      'partition-spec-id': String(spec['spec-id']),
      'format-version': String(formatVersion),
    },
  }
}

/** Field id and name of each partition field. */
export function namesOf(
  spec: Pick<PartitionSpec, 'fields'>,
): readonly (readonly [number, string])[] {
  return spec.fields.map((field) => [field['field-id'], field.name] as const)
}

/** The fields of the partition record inside a manifest's Avro schema. */
export function partitionFields(manifest: AvroRecord): readonly AvroField[] {
  const dataFile = recordField(manifest, entryIds.dataFile, 'data_file')
  const partition = dataFile && recordField(dataFile, entryIds.partition, 'partition')
  return partition?.fields ?? []
}

/** Snapshot ids and every long of the partition are 64-bit; counts and sizes are not. */
export function bigLongsOf(partition: readonly AvroField[]): (field: AvroField) => boolean {
  const partitionSet = new Set(partition)
  return (field) =>
    partitionSet.has(field) ||
    (field['field-id'] ?? (field.name === 'snapshot_id' ? entryIds.snapshotId : undefined)) ===
      entryIds.snapshotId
}

function recordField(record: AvroRecord, fieldId: number, name: string): AvroRecord | undefined {
  const field =
    record.fields.find((candidate) => candidate['field-id'] === fieldId) ??
    record.fields.find((candidate) => candidate.name === name)
  const type = field && withoutNull(field.type)
  return typeof type === 'object' && 'fields' in type ? type : undefined
}
