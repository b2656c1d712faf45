import { SluiceError } from '../errors.ts'
import { type Corrupt, createMemberReader, type Members, withoutNulls } from './member-reader.ts'
import { MAIN_BRANCH, type Snapshot, type SnapshotRef } from './snapshot.ts'
import type { MetadataLogEntry, SnapshotLogEntry, StatisticsFile } from './table-metadata.ts'

/** The members of table metadata that name snapshots. Ids become `bigint` whatever their size. */
export interface SnapshotMembers {
  readonly 'current-snapshot-id'?: bigint
  readonly snapshots: readonly Snapshot[]
  readonly refs: Readonly<Record<string, SnapshotRef>>
  readonly 'snapshot-log': readonly SnapshotLogEntry[]
  readonly 'metadata-log': readonly MetadataLogEntry[]
  readonly statistics?: readonly StatisticsFile[]
  readonly 'partition-statistics'?: readonly StatisticsFile[]
}

/** Members that are not known stay. Throws what `corrupt` makes. */
export function readSnapshotMembers(raw: Members, corrupt: Corrupt): SnapshotMembers {
  const reader = createMemberReader(corrupt)
  const { optionalListOf, numberOf, textOf } = reader
  const idOf = (owner: Members, name: string) => snapshotIdOf(owner, name, corrupt)
  const withId = (owner: Members): Members => ({
    ...owner,
    'snapshot-id': idOf(owner, 'snapshot-id'),
  })
  const current = raw['current-snapshot-id']
  const currentId = isNoSnapshot(current) ? undefined : idOf(raw, 'current-snapshot-id')
  const refs = readRefs(raw, corrupt)
  // Old files name the current snapshot only by id; the branch `main` is then implied.
  const main: SnapshotRef | undefined =
    currentId === undefined ? undefined : { 'snapshot-id': currentId, type: 'branch' }

  function readStatistics(name: 'statistics' | 'partition-statistics'): Partial<SnapshotMembers> {
    if (raw[name] === undefined) return {}
    const files = optionalListOf(raw, name).map((file) => {
      textOf(file, 'statistics-path', `an entry of ${name}`)
      numberOf(file, 'file-size-in-bytes', `an entry of ${name}`)
      if (file['blob-metadata'] === undefined) return withId(file)
      return { ...withId(file), 'blob-metadata': optionalListOf(file, 'blob-metadata').map(withId) }
    })
    return { [name]: files as unknown as readonly StatisticsFile[] }
  }

  return {
    ...(currentId === undefined ? {} : { 'current-snapshot-id': currentId }),
    snapshots: optionalListOf(raw, 'snapshots').map((snapshot) => readSnapshot(snapshot, corrupt)),
    refs: main === undefined ? refs : { [MAIN_BRANCH]: main, ...refs },
    'snapshot-log': optionalListOf(raw, 'snapshot-log').map((entry) => {
      numberOf(entry, 'timestamp-ms', 'an entry of snapshot-log')
      return withId(entry) as unknown as SnapshotLogEntry
    }),
    'metadata-log': optionalListOf(raw, 'metadata-log').map((entry) => {
      textOf(entry, 'metadata-file', 'an entry of metadata-log')
      numberOf(entry, 'timestamp-ms', 'an entry of metadata-log')
      return entry as unknown as MetadataLogEntry
    }),
    ...readStatistics('statistics'),
    ...readStatistics('partition-statistics'),
  }
}

function readSnapshot(read: Members, corrupt: Corrupt): Snapshot {
  const { numberOf, textMapOf } = createMemberReader(corrupt)
  const raw = withoutNulls(read)
  const { 'parent-snapshot-id': parent, ...rest } = raw
  const id = snapshotIdOf(raw, 'snapshot-id', corrupt)
  const owner = `snapshot ${id}`
  if (typeof raw['manifest-list'] !== 'string') {
    throw new SluiceError(
      'unsupported',
      `Snapshot ${id} has no manifest list (a form of early format version 1). The table was ` +
        'not read; rewrite its manifests with another engine.',
    )
  }
  return {
    ...rest,
    'snapshot-id': id,
    ...(isNoSnapshot(parent)
      ? {}
      : { 'parent-snapshot-id': snapshotIdOf(raw, 'parent-snapshot-id', corrupt) }),
    'sequence-number':
      raw['sequence-number'] === undefined ? 0 : numberOf(raw, 'sequence-number', owner),
    'timestamp-ms': numberOf(raw, 'timestamp-ms', owner),
    'manifest-list': raw['manifest-list'],
    // A summary without an operation is an overwrite to the reference: nothing may be assumed.
    summary: { operation: 'overwrite', ...textMapOf(raw, 'summary') },
  }
}

function readRefs(raw: Members, corrupt: Corrupt): Readonly<Record<string, SnapshotRef>> {
  const { membersOf } = createMemberReader(corrupt)
  const refs = Object.entries(membersOf(raw['refs'] ?? {}, 'refs')).map(([name, value]) => {
    const ref = withoutNulls(membersOf(value, `the ref ${name}`))
    const { type } = ref
    if (type !== 'branch' && type !== 'tag') {
      throw corrupt(`the ref ${name} is neither branch nor tag`)
    }
    return [name, { ...ref, type, 'snapshot-id': snapshotIdOf(ref, 'snapshot-id', corrupt) }]
  })
  return Object.fromEntries(refs) as Readonly<Record<string, SnapshotRef>>
}

function isNoSnapshot(id: unknown): boolean {
  return id === undefined || id === -1
}

function snapshotIdOf(raw: Members, name: string, corrupt: Corrupt): bigint {
  const value = raw[name]
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  throw corrupt(`${name} is missing or no integer`)
}
