import type { LoadedTable, TableCommit } from '../catalog/catalog.ts'
import { SluiceError } from '../errors.ts'
import type { ContentFile, Manifest, ManifestEntry } from '../spec/manifest.ts'
import { MAIN_BRANCH, type Snapshot } from '../spec/snapshot.ts'
import { tableKey } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { TableUpdate } from '../spec/table-update.ts'
import type { CommitContext } from './commit-context.ts'
import { composeManifests, isLive, type ManifestDraft } from './compose-manifests.ts'
import { currentSnapshot, TAIL_MANIFEST_KEY } from '../spec/cut-history.ts'
import {
  buildSummary,
  countTotals,
  NO_TOTALS,
  readTotals,
  type SnapshotTotals,
} from './snapshot-summary.ts'
import {
  loadEntries,
  loadLiveEntries,
  loadManifests,
  locateFiles,
  tailManifestOf,
} from './snapshot-manifests.ts'
import type { TableChange } from './table-change.ts'
import { writeManifestDraft, writeManifestList } from './write-manifests.ts'

/** What all tables of one commit share. */
export interface StageRequest {
  readonly table: LoadedTable
  readonly change: TableChange
  readonly snapshotId: bigint
  readonly timestampMs: number
  /** Summary keys beside the counts. */
  readonly summary: Readonly<Record<string, string>>
}

/** One table's new snapshot, durable but named by nothing yet. */
export interface StagedTable {
  readonly snapshot: Snapshot
  /** The manifests and the manifest list that were written. */
  readonly writtenPaths: readonly string[]
}

/**
 * Writes the manifests and the manifest list of one table's new snapshot, in the table's format
 * version.
 * @throws SluiceError `commit-conflict` where a file that goes is not live, `unsupported` for
 * deletes that the format version does not have.
 */
export async function stageTable(
  context: CommitContext,
  request: StageRequest,
): Promise<StagedTable> {
  const { table, change, snapshotId } = request
  const { metadata } = table
  checkDeletes(table, change)
  const base = currentSnapshot(metadata)
  const manifests = base === undefined ? [] : await loadManifests(context, base)
  const formatVersion = metadata['format-version']
  // Version 1 has no sequence numbers: all of its files are of number 0.
  const sequenceNumber = formatVersion === 1 ? 0 : metadata['last-sequence-number'] + 1
  const stage = { context, request, sequenceNumber }
  const data = await stageContent(stage, {
    content: 'data',
    manifests: manifests.filter((manifest) => manifest.content === 'data'),
    tailManifestPath: tailManifestOf(metadata, manifests),
    added: change.addDataFiles,
    tailPaths: change.tailPaths ?? new Set(),
    removed: new Set(change.removePaths),
  })
  const deletes = await stageContent(stage, {
    content: 'deletes',
    manifests: manifests.filter((manifest) => manifest.content === 'deletes'),
    tailManifestPath: undefined,
    added: change.addDeletes,
    tailPaths: new Set(),
    removed: new Set(change.removeDeletePaths),
  })
  const folder = `${metadata.location}/metadata`
  const manifestList = `${folder}/snap-${snapshotId}-1-${context.ids.uuid()}.avro`
  const parentId = base?.['snapshot-id']
  const listed = await writeManifestList(context, [...data.manifests, ...deletes.manifests], {
    path: manifestList,
    metadata,
    snapshotId,
    parentSnapshotId: parentId,
    sequenceNumber,
  })
  const summary = buildSummary({
    operation: change.operation,
    before: await totalsOf(context, metadata),
    metadata,
    added: [...change.addDataFiles, ...change.addDeletes],
    removed: [...data.removedFiles, ...deletes.removedFiles],
    extra: {
      ...request.summary,
      ...(data.tailPath === undefined ? {} : { [TAIL_MANIFEST_KEY]: data.tailPath }),
    },
  })
  return {
    snapshot: {
      'snapshot-id': snapshotId,
      ...(parentId === undefined ? {} : { 'parent-snapshot-id': parentId }),
      'sequence-number': sequenceNumber,
      'timestamp-ms': request.timestampMs,
      ...listed,
      summary,
      'schema-id': metadata['current-schema-id'],
    },
    writtenPaths: [...data.writtenPaths, ...deletes.writtenPaths, manifestList],
  }
}

/** The updates that make a staged snapshot the table's current one. */
export function snapshotUpdates(snapshot: Snapshot): TableUpdate[] {
  return [
    { action: 'add-snapshot', snapshot },
    {
      action: 'set-snapshot-ref',
      'ref-name': MAIN_BRANCH,
      type: 'branch',
      'snapshot-id': snapshot['snapshot-id'],
    },
  ]
}

/** What must still be true of a table for a commit that was staged against `table`. */
export function headRequirements(table: LoadedTable): TableCommit['requirements'] {
  return [
    { type: 'assert-table-uuid', uuid: table.metadata['table-uuid'] },
    {
      type: 'assert-ref-snapshot-id',
      ref: MAIN_BRANCH,
      'snapshot-id': table.metadata['current-snapshot-id'] ?? null,
    },
  ]
}

interface Stage {
  readonly context: CommitContext
  readonly request: StageRequest
  readonly sequenceNumber: number
}

interface StageContent {
  readonly content: 'data' | 'deletes'
  readonly manifests: readonly Manifest[]
  readonly tailManifestPath: string | undefined
  readonly added: readonly ContentFile[]
  readonly tailPaths: ReadonlySet<string>
  readonly removed: ReadonlySet<string>
}

interface StagedContent {
  readonly manifests: readonly Manifest[]
  readonly tailPath: string | undefined
  readonly removedFiles: readonly ContentFile[]
  readonly writtenPaths: readonly string[]
}

async function stageContent(stage: Stage, request: StageContent): Promise<StagedContent> {
  const { context } = stage
  const { removed, tailManifestPath } = request
  const located = await locateFiles(context, request.manifests, removed, tailManifestPath)
  if (located.missing.length > 0) throw missingFiles(stage, located.missing)
  const composition = await composeManifests(
    {
      content: request.content,
      snapshotId: stage.request.snapshotId,
      manifests: request.manifests,
      added: request.added,
      tailPaths: request.tailPaths,
      removed,
      affectedPaths: located.manifestPaths,
      ...(tailManifestPath === undefined ? {} : { tailManifestPath }),
    },
    (manifest) => loadEntries(context, manifest),
  )
  const written = await Promise.all(composition.drafts.map((draft) => writeDraft(stage, draft)))
  const tailIndex = composition.drafts.findLastIndex(
    (draft) => draft.isTail && draft.entries.some(isLive),
  )
  const keptTail = composition.kept.find((manifest) => manifest.manifestPath === tailManifestPath)
  return {
    // Newest first, as readers that look for late files expect.
    manifests: [...written, ...composition.kept],
    tailPath: (written[tailIndex] ?? keptTail)?.manifestPath,
    removedFiles: [...located.entries.values()].map((entry: ManifestEntry) => entry.file),
    writtenPaths: written.map((manifest) => manifest.manifestPath),
  }
}

async function writeDraft(stage: Stage, draft: ManifestDraft): Promise<Manifest> {
  const { context, request, sequenceNumber } = stage
  const { metadata } = request.table
  return writeManifestDraft(context, {
    metadata,
    draft,
    snapshotId: request.snapshotId,
    sequenceNumber,
    path: `${metadata.location}/metadata/${context.ids.uuid()}-m0.avro`,
  })
}

/** The parent's totals; counted from its manifests where its writer did not say them. */
async function totalsOf(context: CommitContext, metadata: TableMetadata): Promise<SnapshotTotals> {
  const base = currentSnapshot(metadata)
  if (base === undefined) return NO_TOTALS
  return readTotals(base.summary) ?? countTotals(await loadLiveEntries(context, metadata))
}

/** Readers of version 3 refuse new position delete files, those of version 2 vectors. */
function checkDeletes(table: LoadedTable, { addDeletes }: TableChange): void {
  const version = table.metadata['format-version']
  const fits = addDeletes.every(({ content }) =>
    content === 'deletion-vector' ? version === 3 : version === 2,
  )
  if (fits) return
  const form = ['no deletes', 'position deletes', 'deletion vectors'][version - 1] ?? ''
  throw new SluiceError(
    'unsupported',
    `${tableKey(table.identifier)} has format version ${version}, which takes ${form} only. ` +
      'Nothing was committed. Write the deletes in that form, or upgrade the table first.',
  )
}

function missingFiles(stage: Stage, missing: readonly string[]): SluiceError {
  const name = tableKey(stage.request.table.identifier)
  return new SluiceError(
    'commit-conflict',
    `${missing.length} files that the commit removes are not in ${name} any more, the first is ` +
      `${missing[0]}. Nothing was committed. Derive the change again from the table's head.`,
    { isRetryable: true, context: { table: name, missingCount: missing.length } },
  )
}
