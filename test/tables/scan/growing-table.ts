import type {
  ContentFile,
  DataFile,
  DeleteFile,
  Manifest,
  ManifestEntry,
} from '../../../tables/spec/manifest.ts'
import { randomIds } from '../../../tables/clock.ts'
import { contentKey } from '../../../tables/spec/content-key.ts'
import type { SnapshotSummary } from '../../../tables/spec/snapshot.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { currentSchema, specById } from '../../../tables/write/current-layout.ts'
import { withRowIds } from '../../../tables/write/decode-manifest.ts'
import { encodeManifest, manifestOf } from '../../../tables/write/manifest-file.ts'
import { encodeManifestList } from '../../../tables/write/manifest-list.ts'
import { writeDataFiles } from '../../../tables/write/write-data-files.ts'
import type { WriteDataOptions } from '../../../tables/write/write-data-files.ts'
import type { WriteContext } from '../../../tables/write/write-context.ts'

export interface GrowingCommit {
  readonly data?: readonly DataFile[]
  readonly deletes?: readonly DeleteFile[]
  /** Live files to take out, by their `contentKey`: of all but deletion vectors, the path. */
  readonly removed?: readonly string[]
  readonly summary?: Readonly<Record<string, string>>
  readonly timestampMs?: number
}

/** A table that commits to itself, without a catalog: one manifest a commit and kind of file. */
export interface GrowingTable {
  metadata: TableMetadata
  commit(change: GrowingCommit): Promise<bigint>
  append(query: string, options?: WriteDataOptions & GrowingCommit): Promise<readonly DataFile[]>
}

export function growTable(ctx: WriteContext, created: TableMetadata): GrowingTable {
  let manifests: readonly Manifest[] = []
  let entries = new Map<string, readonly ManifestEntry[]>()
  let nextRowId = created['format-version'] < 3 ? undefined : (created['next-row-id'] ?? 0)

  const writeManifest = async (
    table: TableMetadata,
    content: Manifest['content'],
    written: readonly ManifestEntry[],
    snapshotId: bigint,
    sequenceNumber: number,
  ): Promise<readonly Manifest[]> => {
    const bySpec = new Map<number, ManifestEntry[]>()
    for (const entry of written) {
      bySpec.set(entry.file.specId, [...(bySpec.get(entry.file.specId) ?? []), entry])
    }
    const made: Manifest[] = []
    for (const [specId, group] of bySpec) {
      const schema = currentSchema(table)
      const spec = specById(table, specId)
      const path = `${table.location}/metadata/${randomIds.uuid()}-m.avro`
      const bytes = encodeManifest({
        schema,
        spec,
        entries: group,
        content,
        formatVersion: table['format-version'],
        snapshotId,
      })
      await ctx.fileIO.write(path, bytes)
      const length = bytes.byteLength
      const facts = { path, length, schema, spec, content, snapshotId, sequenceNumber }
      const manifest = numberRows(manifestOf(group, facts))
      made.push(manifest)
      const inherited = group.map((entry) => inherit(entry, snapshotId, sequenceNumber))
      entries = new Map([...entries, [path, withRowIds(inherited, manifest)]])
    }
    return made
  }

  /** Format version 3: rows that are new to a manifest get the next free ids. */
  const numberRows = (manifest: Manifest): Manifest => {
    if (nextRowId === undefined || manifest.content === 'deletes') return manifest
    const firstRowId = nextRowId
    nextRowId += manifest.addedRowsCount + manifest.existingRowsCount
    return { ...manifest, firstRowId }
  }

  const commit = async (change: GrowingCommit): Promise<bigint> => {
    const table = grown.metadata
    const snapshotId = randomIds.snapshotId()
    const sequenceNumber = table['last-sequence-number'] + 1
    const removed = new Set(change.removed ?? [])
    const firstRowId = nextRowId
    const kept: Manifest[] = []
    for (const manifest of manifests) {
      const held = entries.get(manifest.manifestPath) ?? []
      if (!held.some((entry) => removed.has(contentKey(entry.file)))) {
        kept.push(manifest)
        continue
      }
      const rewritten = held
        .filter((entry) => entry.status !== 'deleted')
        .map((entry): ManifestEntry =>
          removed.has(contentKey(entry.file))
            ? { ...entry, status: 'deleted', snapshotId }
            : { ...entry, status: 'existing' },
        )
      kept.push(
        ...(await writeManifest(table, manifest.content, rewritten, snapshotId, sequenceNumber)),
      )
    }
    const added = (files: readonly ContentFile[]): ManifestEntry[] =>
      files.map((file) => ({
        status: 'added',
        snapshotId: null,
        sequenceNumber: null,
        fileSequenceNumber: null,
        file,
      }))
    const data = added(change.data ?? [])
    const deletes = added(change.deletes ?? [])
    manifests = [
      ...(await writeManifest(table, 'data', data, snapshotId, sequenceNumber)),
      ...(await writeManifest(table, 'deletes', deletes, snapshotId, sequenceNumber)),
      ...kept,
    ]
    const listPath = `${table.location}/metadata/snap-${snapshotId}.avro`
    const parent = table['current-snapshot-id']
    await ctx.fileIO.write(
      listPath,
      encodeManifestList({
        manifests,
        snapshotId,
        parentSnapshotId: parent,
        sequenceNumber,
        formatVersion: table['format-version'],
        firstRowId,
      }),
    )
    const timestampMs = change.timestampMs ?? sequenceNumber * 1000
    const summary: SnapshotSummary = { operation: 'append', ...change.summary }
    grown.metadata = {
      ...table,
      'last-sequence-number': sequenceNumber,
      'last-updated-ms': timestampMs,
      'current-snapshot-id': snapshotId,
      ...(nextRowId === undefined ? {} : { 'next-row-id': nextRowId }),
      refs: { ...table.refs, main: { 'snapshot-id': snapshotId, type: 'branch' } },
      snapshots: [
        ...table.snapshots,
        {
          'snapshot-id': snapshotId,
          ...(parent === undefined ? {} : { 'parent-snapshot-id': parent }),
          'sequence-number': sequenceNumber,
          'timestamp-ms': timestampMs,
          'manifest-list': listPath,
          summary,
          'schema-id': table['current-schema-id'],
          ...(firstRowId === undefined || nextRowId === undefined
            ? {}
            : { 'first-row-id': firstRowId, 'added-rows': nextRowId - firstRowId }),
        },
      ],
      'snapshot-log': [
        ...table['snapshot-log'],
        { 'snapshot-id': snapshotId, 'timestamp-ms': timestampMs },
      ],
    }
    return snapshotId
  }

  const grown: GrowingTable = {
    metadata: created,
    commit,
    append: async (query, options = {}) => {
      const data = await writeDataFiles(ctx, grown.metadata, query, options)
      await commit({ ...options, data })
      return data
    },
  }
  return grown
}

function inherit(entry: ManifestEntry, snapshotId: bigint, sequenceNumber: number): ManifestEntry {
  return {
    ...entry,
    snapshotId: entry.snapshotId ?? snapshotId,
    sequenceNumber: entry.sequenceNumber ?? sequenceNumber,
    fileSequenceNumber: entry.fileSequenceNumber ?? sequenceNumber,
  }
}
