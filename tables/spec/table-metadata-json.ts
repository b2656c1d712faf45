import { SluiceError } from '../errors.ts'
import { parseJson, stringifyJson } from './json.ts'
import { readPartitionSpec, readSortOrder } from './layout-json.ts'
import { corruptDocument, createMemberReader, type Members, withoutNulls } from './member-reader.ts'
import { readSchema } from './schema-json.ts'
import { readSnapshotMembers } from './snapshot-json.ts'
import { MAIN_BRANCH, type Snapshot } from './snapshot.ts'
import type { EncryptedKey, TableMetadata } from './table-metadata.ts'
import { upgradeV1Metadata } from './upgrade-v1-metadata.ts'

const corrupt = corruptDocument(
  'Table metadata',
  'The table was not read; point the catalog at an earlier metadata file.',
)
const { listOf, membersOf, numberOf, optionalListOf, textMapOf, textOf } =
  createMemberReader(corrupt)

/**
 * Reads table metadata JSON. Snapshot ids become `bigint` whatever their size, a current snapshot
 * id of null or -1 is left out, null lists and maps become empty, format version 1 gets the shape
 * of version 2, and unknown members stay. Throws `corrupt-data` where a required member is missing
 * or the parts contradict each other, `unsupported` for a newer format version.
 * Source: https://iceberg.apache.org/spec/#table-metadata-fields
 */
export function parseTableMetadata(text: string): TableMetadata {
  return readTableMetadata(parseJson(text))
}

/** The same for JSON that `parseJson` has read already, as a part of an answer. */
export function readTableMetadata(value: unknown): TableMetadata {
  const read = withoutNulls(membersOf(value, 'the metadata'))
  const version = numberOf(read, 'format-version')
  if (version !== 1 && version !== 2 && version !== 3) {
    throw new SluiceError(
      'unsupported',
      `Table metadata has format version ${version}; versions 1 to 3 are known. ` +
        'The table was not read; use a newer Sluice.',
    )
  }
  const upgraded = version === 1 ? upgradeV1Metadata(read) : read
  // What names no snapshot must not come back from the raw members.
  const { 'current-snapshot-id': _, ...raw } = upgraded
  const metadata: TableMetadata = {
    ...raw,
    'format-version': version,
    'table-uuid': textOf(raw, 'table-uuid'),
    location: textOf(raw, 'location'),
    'last-sequence-number': numberOf(raw, 'last-sequence-number'),
    'last-updated-ms': numberOf(raw, 'last-updated-ms'),
    'last-column-id': numberOf(raw, 'last-column-id'),
    schemas: listOf(raw, 'schemas').map((schema) => readSchema(schema, corrupt)),
    'current-schema-id': numberOf(raw, 'current-schema-id'),
    'partition-specs': listOf(raw, 'partition-specs').map((spec) =>
      readPartitionSpec(spec, corrupt),
    ),
    'default-spec-id': numberOf(raw, 'default-spec-id'),
    'last-partition-id': numberOf(raw, 'last-partition-id'),
    'sort-orders': listOf(raw, 'sort-orders').map((order) => readSortOrder(order, corrupt)),
    'default-sort-order-id': numberOf(raw, 'default-sort-order-id'),
    properties: textMapOf(raw, 'properties'),
    ...readSnapshotMembers(upgraded, corrupt),
    ...readEncryptionKeys(raw),
    ...(version === 3 ? { 'next-row-id': numberOf(raw, 'next-row-id') } : {}),
  }
  checkConsistency(metadata)
  return metadata
}

/** Parts that stay from commit to commit, as bytes, each with a comma behind it. */
const partBytes = new WeakMap<object, Buffer>()
const versionOneBytes = new WeakMap<object, Buffer>()
const longLists: ReadonlySet<string> = new Set([
  'snapshots',
  'snapshot-log',
  'metadata-log',
  'schemas',
])

/**
 * Metadata as JSON in UTF-8. Each snapshot and log entry, which never change once they are made, is
 * encoded once in its life, so that a commit costs what it adds. Format version 1 gets its old
 * members and no sequence numbers.
 */
export function encodeTableMetadata(metadata: TableMetadata): Buffer {
  const isVersionOne = metadata['format-version'] === 1
  const pieces: Buffer[] = []
  let before = '{'
  for (const [name, value] of Object.entries(metadata)) {
    if (value === undefined || (isVersionOne && name === 'last-sequence-number')) continue
    const key = `${before}${JSON.stringify(name)}:`
    before = ','
    if (longLists.has(name)) {
      const isTrimmed = isVersionOne && name === 'snapshots'
      pieces.push(Buffer.from(`${key}[`), ...listBytes(value as readonly object[], isTrimmed))
      before = '],'
    } else {
      pieces.push(Buffer.from(`${key}${stringifyJson(value)}`))
    }
  }
  const end = isVersionOne ? `${before}${versionOneMembers(metadata)}}` : `${before.slice(0, -1)}}`
  pieces.push(Buffer.from(end))
  return Buffer.concat(pieces)
}

/** The same as text. */
export function serializeTableMetadata(metadata: TableMetadata): string {
  return encodeTableMetadata(metadata).toString('utf8')
}

function listBytes(parts: readonly object[], isVersionOne: boolean): Buffer[] {
  const all = isVersionOne
    ? parts.map((part) => rememberedBytes(versionOneBytes, part, withoutSequenceNumber))
    : parts.map((part) => rememberedBytes(partBytes, part, (whole) => whole))
  const last = all.pop()
  if (last !== undefined) all.push(last.subarray(0, -1))
  return all
}

/** The two members that a reader of version 1 needs and version 2 has given up. */
function versionOneMembers(metadata: TableMetadata): string {
  const schema = metadata.schemas.find((s) => s['schema-id'] === metadata['current-schema-id'])
  const spec = metadata['partition-specs'].find((s) => s['spec-id'] === metadata['default-spec-id'])
  return `"schema":${stringifyJson(schema)},"partition-spec":${stringifyJson(spec?.fields ?? [])}`
}

function withoutSequenceNumber(snapshot: object): object {
  const { 'sequence-number': _, ...rest } = snapshot as Snapshot
  return rest
}

function rememberedBytes(
  known: WeakMap<object, Buffer>,
  part: object,
  written: (part: object) => object,
): Buffer {
  const held = known.get(part)
  if (held !== undefined) return held
  const bytes = Buffer.from(`${stringifyJson(written(part))},`)
  known.set(part, bytes)
  return bytes
}

function readEncryptionKeys(raw: Members): Partial<TableMetadata> {
  if (raw['encryption-keys'] === undefined) return {}
  const keys = optionalListOf(raw, 'encryption-keys').map((key) => {
    textOf(key, 'key-id', 'an entry of encryption-keys')
    textOf(key, 'encrypted-key-metadata', 'an entry of encryption-keys')
    return key as unknown as EncryptedKey
  })
  return { 'encryption-keys': keys }
}

function checkConsistency(metadata: TableMetadata): void {
  const current = metadata['current-snapshot-id']
  const ids = new Set(metadata.snapshots.map((snapshot) => snapshot['snapshot-id']))
  const main = metadata.refs[MAIN_BRANCH]?.['snapshot-id']
  if (main !== current) {
    throw corrupt(`the branch main is at snapshot ${main}, the current snapshot is ${current}`)
  }
  for (const [name, ref] of Object.entries(metadata.refs)) {
    if (!ids.has(ref['snapshot-id'])) {
      throw corrupt(`${name} names snapshot ${ref['snapshot-id']}, which is not in the table`)
    }
  }
  const last = metadata['last-sequence-number']
  const ahead = metadata.snapshots.find((snapshot) => snapshot['sequence-number'] > last)
  if (ahead !== undefined && metadata['format-version'] > 1) {
    throw corrupt(
      `snapshot ${ahead['snapshot-id']} has sequence number ${ahead['sequence-number']}, the ` +
        `table's last is ${last}`,
    )
  }
  const { schemas, 'partition-specs': specs, 'sort-orders': orders } = metadata
  requireId(schemas, 'schema-id', metadata['current-schema-id'])
  requireId(specs, 'spec-id', metadata['default-spec-id'])
  requireId(orders, 'order-id', metadata['default-sort-order-id'])
}

function requireId(items: readonly object[], idName: string, id: number): void {
  if (items.some((item) => (item as Members)[idName] === id)) return
  throw corrupt(`no entry has the ${idName} ${id} that the table says is in use`)
}
