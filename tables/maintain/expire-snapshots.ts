import { nowMs } from '../clock.ts'
import type { CommitContext } from '../commit/commit-context.ts'
import { tableOf } from '../commit/fence.ts'
import {
  ancestors,
  committedCut,
  cutHistory,
  type CutRecord,
  HEAD_TAG,
  snapshotOfRef,
} from '../spec/cut-history.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { commitFenced, type FencedCommit, type FencedTables } from './commit-fenced.ts'
import { isCutTag } from './plan-tag.ts'
import { planExpiry } from './plan-expiry.ts'

export interface ExpireRequest {
  readonly cutsTable: TableIdentifier
  /** The tables to expire; all of the lake's where cuts are given up. */
  readonly identifiers: readonly TableIdentifier[]
  readonly afterCut: () => number
  /** Milliseconds since 1970. */
  readonly olderThanMs: number
  readonly retainLast: number
  /**
   * Whether cuts made before `olderThanMs` are given up too, with their tags: they can be read at
   * no table any more. Tags of users, and what they hold, stay. Absent: every kept cut stays whole.
   */
  readonly withCuts?: boolean
}

/** What was expired of one table. */
export interface ExpiredTable {
  readonly table: string
  readonly expiredIds: readonly bigint[]
  readonly droppedRefs: readonly string[]
  /** Snapshots that are old enough, but that a kept cut names. */
  readonly neededCount: number
}

/**
 * Expires snapshots of one or many tables in one commit. Deletes no file: what nothing names any
 * more is for the delete queue, which lets running queries end first.
 * @throws SluiceError `invalid-input` for rules that keep nothing or tables that forbid it, and as
 * `commitFenced`.
 */
export async function expireSnapshots(
  context: CommitContext,
  request: ExpireRequest,
): Promise<FencedCommit<readonly ExpiredTable[]>> {
  const { cutsTable, identifiers, afterCut } = request
  return commitFenced(context, {
    what: 'the expiry',
    cutsTable,
    identifiers,
    afterCut,
    stage: (tables) => stageExpiry(context, request, tables),
  })
}

function stageExpiry(context: CommitContext, request: ExpireRequest, tables: FencedTables) {
  const cuts = tableOf(tables, request.cutsTable)
  const keptCuts = chooseCuts(request, cuts.metadata)
  const droppedRefs =
    request.withCuts === true ? goneCutTags(cuts.metadata, keptCuts) : new Set<string>()
  const plans = request.identifiers.map((identifier) => {
    const { metadata } = tableOf(tables, identifier)
    const key = tableKey(identifier)
    const isCutsTable = key === tableKey(request.cutsTable)
    const plan = planExpiry({
      metadata,
      olderThanMs: request.olderThanMs,
      retainLast: request.retainLast,
      nowMs: nowMs(context.clock),
      neededIds: new Set([...neededIds(keptCuts, key, isCutsTable), ...sinceLastCut(metadata)]),
      droppedRefs,
    })
    return { identifier, key, plan }
  })
  return {
    commits: plans.map(({ identifier, plan }) => ({
      identifier,
      requirements: plan.requirements,
      updates: plan.updates,
    })),
    result: plans.map(({ key, plan }) => ({
      table: key,
      expiredIds: plan.expiredIds,
      droppedRefs: plan.droppedRefs,
      neededCount: plan.neededCount,
    })),
  }
}

/** The cuts that must stay readable: all, or the young ones, the last, and those of users' tags. */
function chooseCuts(request: ExpireRequest, cuts: TableMetadata): readonly CutRecord[] {
  const history = cutHistory(cuts)
  if (request.withCuts !== true) return history
  const last = committedCut(cuts)?.snapshotId
  const tagged = Object.keys(cuts.refs)
    .filter((name) => !isCutTag(name))
    .map((name) => snapshotOfRef(cuts, name)?.['snapshot-id'])
  const needed = new Set([last, ...tagged])
  return history.filter(
    (record) => record.committedMs >= request.olderThanMs || needed.has(record.snapshotId),
  )
}

/**
 * What came on top of the table's last cut. By this chain a start proves that nobody rolled the
 * table back; after a compaction no file of the cut may be left that would prove it too.
 */
function sinceLastCut(metadata: TableMetadata): bigint[] {
  const lastCut = snapshotOfRef(metadata, HEAD_TAG)
  if (lastCut === undefined) return []
  const ids: bigint[] = []
  for (const snapshot of ancestors(metadata)) {
    if (snapshot['sequence-number'] <= lastCut['sequence-number']) break
    ids.push(snapshot['snapshot-id'])
  }
  return ids
}

/** What the kept cuts name of one table. */
function neededIds(
  cuts: readonly CutRecord[],
  key: string,
  isCutsTable: boolean,
): ReadonlySet<bigint> {
  const ids = cuts.map((record) => (isCutsTable ? record.snapshotId : record.heads.get(key)))
  return new Set(ids.filter((id) => id !== undefined))
}

/**
 * Names of the tags of cuts that are given up. The cuts table tells for all: only there each cut
 * has a snapshot of its own.
 */
function goneCutTags(cuts: TableMetadata, keptCuts: readonly CutRecord[]): ReadonlySet<string> {
  const keptIds = new Set(keptCuts.map((record) => record.snapshotId))
  const tags = Object.entries(cuts.refs).filter(([name]) => isCutTag(name))
  return new Set(tags.filter(([, ref]) => !keptIds.has(ref['snapshot-id'])).map(([name]) => name))
}
