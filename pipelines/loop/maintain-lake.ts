import type { HasModel } from '../../shared-transforms/lake-model.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { DeleteQueue } from '../../tables/maintain/delete-queue.ts'
import { groupWriter, rewriteDataFiles } from '../../tables/maintain/rewrite-data-files.ts'
import { isFencedOff } from '../../tables/commit/fence.ts'
import { isErrorKind } from '../../tables/errors.ts'
import { currentSnapshot } from '../../tables/spec/cut-history.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { commitContext } from './commit-context.ts'
import { headOf, type LoopContext } from './loop-context.ts'
import { isTailFile } from './restore-loop.ts'
import { retireBronze } from './retire-bronze.ts'

/**
 * Housekeeping after a cut: messages leave bronze for their age where that is due, one table in turn
 * is compacted, and files whose time has come are deleted. With as many tables as a compaction takes files no table waits too long.
 */
export async function maintainLake(context: LoopContext, queue: DeleteQueue): Promise<LoopContext> {
  const kept = await retireDue(context, queue)
  const compacted = await compact(
    kept,
    queue,
    tableInTurn(context.options.lake, kept.state.cutNumber),
  )
  await queue.deleteDue()
  return compacted
}

async function retireDue(context: LoopContext, queue: DeleteQueue): Promise<LoopContext> {
  const { bronzeRetention: rule } = context.options
  if (rule?.isDue() !== true) return context
  try {
    const retired = await retireBronze(context, rule.ageMs)
    if (retired === undefined) return context
    const { cutNumber, tables, abandonedPaths } = retired.committed
    await queue.noteCommit({ cutNumber, tables: tables.values(), abandonedPaths })
    return retired.context
  } catch (error) {
    // Another commit came first: nothing was removed, and the next time removes what is old then.
    const isLost =
      isErrorKind(error, 'commit-conflict') && (error.isRetryable || isFencedOff(error))
    if (isLost) return context
    throw error
  }
}

/** The table that is looked at after a cut. */
export function tableInTurn({ model }: HasModel, cutNumber: number): string {
  const { tables } = model
  const table = tables[cutNumber % tables.length]
  if (table === undefined) throw new RangeError('a lake has no table')
  return table.name
}

async function compact(
  context: LoopContext,
  queue: DeleteQueue,
  name: string,
): Promise<LoopContext> {
  const { session, options, state } = context
  const commit = commitContext(options)
  try {
    const rewritten = await rewriteDataFiles(commit, {
      cutsTable: tableId('sluice.cuts'),
      identifier: tableId(name),
      afterCut: () => state.cutNumber,
      writeGroup: groupWriter(commit, { session, scratchDir: options.lake.scratchDir }),
      isTailPath: isTailFile,
    })
    if (rewritten === undefined) return context
    await queue.noteCommit({
      cutNumber: state.cutNumber,
      tables: rewritten.tables.values(),
      abandonedPaths: rewritten.abandonedPaths,
    })
    return { ...context, heads: adoptRewritten(context.heads, rewritten.tables) }
  } catch (error) {
    // A foreign commit changed a file that was being rewritten: nothing became visible, and the
    // next turn plans again.
    if (isErrorKind(error, 'commit-conflict') && error.isRetryable) return context
    throw error
  }
}

/**
 * The heads with those tables whose rewritten files came right after the head that the loop knows.
 * What was rewritten on top of a foreign commit stays unknown, so that the next cut still meets
 * that commit.
 */
function adoptRewritten(
  heads: LoopContext['heads'],
  rewritten: ReadonlyMap<string, LoadedTable>,
): LoopContext['heads'] {
  const follows = ([name, { metadata }]: readonly [string, LoadedTable]) =>
    currentSnapshot(metadata)?.['parent-snapshot-id'] ===
    headOf(heads, name).metadata['current-snapshot-id']
  return new Map([...heads, ...[...rewritten].filter(follows)])
}
