import type { LoadedTable } from '../catalog/catalog.ts'
import type { CommitContext } from '../commit/commit-context.ts'
import { tableOf } from '../commit/fence.ts'
import {
  loadEntries,
  loadLiveEntries,
  loadManifests,
  mapBounded,
  tailManifestOf,
} from '../commit/snapshot-manifests.ts'
import { buildSummary, countTotals, readTotals } from '../commit/snapshot-summary.ts'
import { headRequirements, snapshotUpdates } from '../commit/stage-table.ts'
import { writeManifestDraft, writeManifestList } from '../commit/write-manifests.ts'
import {
  AFTER_CUT_KEY,
  currentSnapshot,
  TAIL_MANIFEST_KEY,
  TOKEN_KEY,
} from '../spec/cut-history.ts'
import type { Manifest } from '../spec/manifest.ts'
import type { Snapshot } from '../spec/snapshot.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { commitFenced, type FencedCommit, type FencedStage } from './commit-fenced.ts'
import {
  clusterEntries,
  DEFAULT_MANIFEST_SIZE_BYTES,
  type ManifestGroup,
  type ManifestRewriteRules,
  planManifestGroups,
} from './plan-manifests.ts'

export interface RewriteManifestsRequest {
  readonly cutsTable: TableIdentifier
  readonly identifier: TableIdentifier
  readonly afterCut: () => number
  readonly rules?: Partial<ManifestRewriteRules>
}

export interface RewrittenManifests {
  readonly replacedCount: number
  readonly createdCount: number
  readonly keptCount: number
  /** Data and delete files that the new manifests name. */
  readonly entryCount: number
}

const NOTHING: RewrittenManifests = {
  replacedCount: 0,
  createdCount: 0,
  keptCount: 0,
  entryCount: 0,
}

/**
 * Writes a table's manifests anew, in the order of the partitions and in files of a good size. No
 * data file is touched and no row changes: the snapshot is a `replace`.
 * @returns counts; nothing replaced where the manifests are as they should be
 * @throws SluiceError as `commitFenced`.
 */
export async function rewriteManifests(
  context: CommitContext,
  request: RewriteManifestsRequest,
): Promise<FencedCommit<RewrittenManifests>> {
  const { cutsTable, identifier, afterCut } = request
  const token = context.ids.uuid()
  return commitFenced(context, {
    what: `the new manifests of ${tableKey(identifier)}`,
    cutsTable,
    identifiers: [identifier],
    afterCut,
    stage: async (tables) => {
      const table = tableOf(tables, identifier)
      const base = currentSnapshot(table.metadata)
      if (base === undefined) return { commits: [], result: NOTHING }
      const manifests = await loadManifests(context, base)
      const tailPath = tailManifestOf(table.metadata, manifests)
      const groups = planManifestGroups(manifests, tailPath, rulesOf(table, request))
      if (groups.length === 0) {
        return { commits: [], result: { ...NOTHING, keptCount: manifests.length } }
      }
      return stage(context, table, base, { manifests, groups, tailPath }, [
        [AFTER_CUT_KEY, String(afterCut())],
        [TOKEN_KEY, token],
      ])
    },
  })
}

function rulesOf({ metadata }: LoadedTable, request: RewriteManifestsRequest) {
  const said = Number(metadata.properties['commit.manifest.target-size-bytes'])
  const targetSizeBytes = said > 0 ? said : DEFAULT_MANIFEST_SIZE_BYTES
  return { targetSizeBytes, ...request.rules }
}

interface ManifestChoice {
  readonly manifests: readonly Manifest[]
  readonly groups: readonly ManifestGroup[]
  readonly tailPath: string | undefined
}

async function stage(
  context: CommitContext,
  table: LoadedTable,
  base: Snapshot,
  { manifests, groups, tailPath }: ManifestChoice,
  own: readonly (readonly [string, string])[],
): Promise<FencedStage<RewrittenManifests>> {
  const { identifier, metadata } = table
  const snapshotId = context.ids.snapshotId()
  // Version 1 has no sequence numbers: all of its files are of number 0.
  const isNumbered = metadata['format-version'] > 1
  const sequenceNumber = isNumbered ? metadata['last-sequence-number'] + 1 : 0
  const replaced = new Set(groups.flatMap((group) => group.manifests))
  const kept = manifests.filter((manifest) => !replaced.has(manifest))
  const written: Manifest[] = []
  for (const group of groups) {
    written.push(...(await writeGroup(context, table, group, { snapshotId, sequenceNumber })))
  }
  const folder = `${metadata.location}/metadata`
  const path = `${folder}/snap-${snapshotId}-1-${context.ids.uuid()}.avro`
  const parentSnapshotId = base['snapshot-id']
  const listed = await writeManifestList(context, [...written, ...kept], {
    path,
    metadata,
    snapshotId,
    parentSnapshotId,
    sequenceNumber,
  })
  const entryCount = written.reduce((sum, manifest) => sum + manifest.existingFilesCount, 0)
  const result = {
    replacedCount: replaced.size,
    createdCount: written.length,
    keptCount: kept.length,
    entryCount,
  }
  const snapshot: Snapshot = {
    'snapshot-id': snapshotId,
    'parent-snapshot-id': parentSnapshotId,
    'sequence-number': sequenceNumber,
    'timestamp-ms': Math.max(Number(context.clock.nowUs() / 1000n), metadata['last-updated-ms']),
    ...listed,
    summary: buildSummary({
      operation: 'replace',
      before: readTotals(base.summary) ?? countTotals(await loadLiveEntries(context, metadata)),
      metadata,
      added: [],
      removed: [],
      extra: { ...Object.fromEntries(own), ...summaryOf(result), ...tailKey(tailPath) },
    }),
    'schema-id': metadata['current-schema-id'],
  }
  return {
    commits: [
      { identifier, requirements: headRequirements(table), updates: snapshotUpdates(snapshot) },
    ],
    result,
    writtenPaths: [...written.map((manifest) => manifest.manifestPath), path],
  }
}

function summaryOf(result: RewrittenManifests): Record<string, string> {
  return {
    'manifests-created': String(result.createdCount),
    'manifests-replaced': String(result.replacedCount),
    'manifests-kept': String(result.keptCount),
    'entries-processed': String(result.entryCount),
  }
}

function tailKey(tailPath: string | undefined): Record<string, string> {
  return tailPath === undefined ? {} : { [TAIL_MANIFEST_KEY]: tailPath }
}

async function writeGroup(
  context: CommitContext,
  { metadata }: LoadedTable,
  group: ManifestGroup,
  numbers: { readonly snapshotId: bigint; readonly sequenceNumber: number },
): Promise<Manifest[]> {
  const loaded = await mapBounded(group.manifests, (manifest) => loadEntries(context, manifest))
  const { content, specId } = group
  return mapBounded(clusterEntries(loaded.flat(), group.targetCount), (entries) =>
    writeManifestDraft(context, {
      metadata,
      draft: { content, specId, isTail: false, entries },
      ...numbers,
      path: `${metadata.location}/metadata/${context.ids.uuid()}-m0.avro`,
    }),
  )
}
