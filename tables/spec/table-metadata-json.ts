import { SluiceError } from '../errors.ts'
import { parseJson, stringifyJson } from './json.ts'
import type { PartitionSpec } from './partition-spec.ts'
import type { Schema } from './schema.ts'
import type { Snapshot, SnapshotRef } from './snapshot.ts'
import { MAIN_BRANCH } from './snapshot.ts'
import type { SortOrder } from './sort-order.ts'
import type { TableMetadata } from './table-metadata.ts'
import { upgradeV1Metadata } from './upgrade-v1-metadata.ts'

type Members = Readonly<Record<string, unknown>>

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
  const raw = version === 1 ? upgradeV1Metadata(read) : read
  const metadata = withCurrentSnapshot(raw, {
    ...raw,
    'format-version': version,
    'table-uuid': textOf(raw, 'table-uuid'),
    location: textOf(raw, 'location'),
    'last-sequence-number': numberOf(raw, 'last-sequence-number'),
    'last-updated-ms': numberOf(raw, 'last-updated-ms'),
    'last-column-id': numberOf(raw, 'last-column-id'),
    schemas: listOf(raw, 'schemas') as unknown as readonly Schema[],
    'current-schema-id': numberOf(raw, 'current-schema-id'),
    'partition-specs': listOf(raw, 'partition-specs') as unknown as readonly PartitionSpec[],
    'default-spec-id': numberOf(raw, 'default-spec-id'),
    'last-partition-id': numberOf(raw, 'last-partition-id'),
    'sort-orders': listOf(raw, 'sort-orders') as unknown as readonly SortOrder[],
    'default-sort-order-id': numberOf(raw, 'default-sort-order-id'),
    properties: (raw['properties'] ?? {}) as Readonly<Record<string, string>>,
    snapshots: optionalList(raw, 'snapshots').map(readSnapshot),
    refs: readRefs(raw),
    'snapshot-log': optionalList(raw, 'snapshot-log').map(withSnapshotId) as never,
    'metadata-log': optionalList(raw, 'metadata-log') as never,
    ...readStatistics(raw, 'statistics'),
    ...readStatistics(raw, 'partition-statistics'),
  })
  checkConsistency(metadata)
  return metadata
}

/** Texts of parts that stay from commit to commit; they never change once they are made. */
const partTexts = new WeakMap<object, string>()
const longLists: ReadonlySet<string> = new Set([
  'snapshots',
  'snapshot-log',
  'metadata-log',
  'schemas',
])

/**
 * Metadata as JSON text. Each snapshot and log entry is turned into text once in its life, so that
 * a commit costs what it adds.
 */
export function serializeTableMetadata(metadata: TableMetadata): string {
  const members: string[] = []
  for (const [name, value] of Object.entries(metadata)) {
    if (value === undefined) continue
    const text = longLists.has(name)
      ? `[${(value as readonly object[]).map(partText).join(',')}]`
      : stringifyJson(value)
    members.push(`${JSON.stringify(name)}:${text}`)
  }
  if (metadata['format-version'] === 1) members.push(...versionOneMembers(metadata))
  return `{${members.join(',')}}`
}

/** The two members that a reader of version 1 needs and version 2 has given up. */
function versionOneMembers(metadata: TableMetadata): readonly string[] {
  const schema = metadata.schemas.find((s) => s['schema-id'] === metadata['current-schema-id'])
  const spec = metadata['partition-specs'].find((s) => s['spec-id'] === metadata['default-spec-id'])
  return [
    `"schema":${stringifyJson(schema)}`,
    `"partition-spec":${stringifyJson(spec?.fields ?? [])}`,
  ]
}

function partText(part: object): string {
  const known = partTexts.get(part)
  if (known !== undefined) return known
  const text = stringifyJson(part)
  partTexts.set(part, text)
  return text
}

function readSnapshot(read: Members): Snapshot {
  const raw = withoutNulls(read)
  const { 'parent-snapshot-id': parent, ...rest } = raw
  if (typeof raw['manifest-list'] !== 'string') {
    throw new SluiceError(
      'unsupported',
      `Snapshot ${String(raw['snapshot-id'])} has no manifest list (a form of early format ` +
        'version 1). The table was not read; rewrite its manifests with another engine.',
    )
  }
  const summary = (raw['summary'] ?? {}) as Members
  return {
    ...rest,
    'snapshot-id': snapshotIdOf(raw, 'snapshot-id'),
    ...(isNoSnapshot(parent)
      ? {}
      : { 'parent-snapshot-id': snapshotIdOf(raw, 'parent-snapshot-id') }),
    'sequence-number': raw['sequence-number'] === undefined ? 0 : numberOf(raw, 'sequence-number'),
    'timestamp-ms': numberOf(raw, 'timestamp-ms'),
    // A summary without an operation is an overwrite to the reference: nothing may be assumed.
    summary: { operation: 'overwrite', ...summary },
  } as Snapshot
}

function readRefs(raw: Members): Readonly<Record<string, SnapshotRef>> {
  const refs = Object.entries(membersOf(raw['refs'] ?? {}, 'refs'))
  return Object.fromEntries(
    refs.map(([name, ref]) => [name, withSnapshotId(withoutNulls(membersOf(ref, name))) as never]),
  )
}

function readStatistics(raw: Members, name: string): Members {
  if (raw[name] === undefined) return {}
  return { [name]: optionalList(raw, name).map(readStatisticsFile) }
}

function readStatisticsFile(raw: Members): Members {
  const file = withSnapshotId(raw)
  if (raw['blob-metadata'] === undefined) return file
  return { ...file, 'blob-metadata': optionalList(raw, 'blob-metadata').map(withSnapshotId) }
}

/** Old files name the current snapshot only by id; the branch `main` is then implied. */
function withCurrentSnapshot(raw: Members, metadata: TableMetadata): TableMetadata {
  const { 'current-snapshot-id': _, ...rest } = metadata
  if (isNoSnapshot(raw['current-snapshot-id'])) return rest
  const current = snapshotIdOf(raw, 'current-snapshot-id')
  const main: SnapshotRef = { 'snapshot-id': current, type: 'branch' }
  return { ...rest, 'current-snapshot-id': current, refs: { [MAIN_BRANCH]: main, ...rest.refs } }
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
  const { schemas, 'partition-specs': specs, 'sort-orders': orders } = metadata
  requireId(schemas, 'schema-id', metadata['current-schema-id'])
  requireId(specs, 'spec-id', metadata['default-spec-id'])
  requireId(orders, 'order-id', metadata['default-sort-order-id'])
}

function requireId(items: readonly object[], idName: string, id: number): void {
  if (items.some((item) => (item as Members)[idName] === id)) return
  throw corrupt(`no entry has the ${idName} ${id} that the table says is in use`)
}

/** Null and absent mean the same; absent is what every reader takes. */
function withoutNulls(raw: Members): Members {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null))
}

function withSnapshotId(raw: Members): Members {
  return { ...raw, 'snapshot-id': snapshotIdOf(raw, 'snapshot-id') }
}

function isNoSnapshot(id: unknown): boolean {
  return id === undefined || id === -1
}

function snapshotIdOf(raw: Members, name: string): bigint {
  const value = raw[name]
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  throw corrupt(`${name} is missing or no integer`)
}

function numberOf(raw: Members, name: string): number {
  const value = raw[name]
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw corrupt(`${name} is missing or no integer below 2^53`)
}

function textOf(raw: Members, name: string): string {
  const value = raw[name]
  if (typeof value === 'string') return value
  throw corrupt(`${name} is missing or no text`)
}

function listOf(raw: Members, name: string): readonly Members[] {
  const value = raw[name]
  if (!Array.isArray(value)) throw corrupt(`${name} is missing or no list`)
  return value.map((item) => membersOf(item, `an entry of ${name}`))
}

function optionalList(raw: Members, name: string): readonly Members[] {
  return raw[name] === undefined ? [] : listOf(raw, name)
}

function membersOf(value: unknown, owner: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  throw corrupt(`${owner} is no JSON object`)
}

function corrupt(fact: string): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `Table metadata breaks the Iceberg specification: ${fact}. The table was not read; ` +
      'point the catalog at an earlier metadata file.',
  )
}
