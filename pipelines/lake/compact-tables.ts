import { isErrorKind, SluiceError } from '../../tables/errors.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { defaultRewrite, planRewrite, type RewriteRules } from '../../tables/maintain/plan-rewrite.ts'
import { groupWriter, rewriteDataFiles } from '../../tables/maintain/rewrite-data-files.ts'
import { partitionPath } from '../../tables/spec/partition-path.ts'
import { type TableIdentifier, tableKey } from '../../tables/spec/table-identifier.ts'
import type { TableMetadata } from '../../tables/spec/table-metadata.ts'
import { isTailFile } from '../loop/restore-loop.ts'
import { CUTS_TABLE, lakeCommitContext } from './lake-commit-context.ts'
import type { MaintainedLake } from './with-maintained-lake.ts'

export interface CompactRules extends Partial<RewriteRules> {
  /** Only this partition, as its folder is called: `event_ts_day=2025-01-15`. */
  readonly partition?: string
  /** Columns to sort by instead of the table's own order; `sort` only. */
  readonly sortBy?: readonly string[]
}

export interface CompactedTable {
  readonly table: string
  readonly removedFileCount: number
  readonly addedFileCount: number
}

/**
 * Rewrites data files of tables, each table in a commit of its own; deletes are folded in, rows
 * stay as they are.
 * @throws SluiceError `invalid-input` for rules that make no sense, and as `rewriteDataFiles`.
 */
export async function compactTables(
  maintained: MaintainedLake,
  tables: readonly TableIdentifier[],
  rules: CompactRules,
): Promise<readonly CompactedTable[]> {
  const session = await maintained.lake.engine.connect()
  const done: CompactedTable[] = []
  try {
    for (const identifier of tables) {
      done.push(await compactTable(maintained, session, identifier, rules))
    }
    return done
  } finally {
    session.close()
  }
}

async function compactTable(
  maintained: MaintainedLake,
  session: Session,
  identifier: TableIdentifier,
  rules: CompactRules,
): Promise<CompactedTable> {
  const { lake, fence } = maintained
  const context = lakeCommitContext(lake)
  const table = tableKey(identifier)
  try {
    const rewritten = await rewriteDataFiles(context, {
      cutsTable: CUTS_TABLE,
      identifier,
      afterCut: fence,
      isTailPath: isTailFile,
      plan: (files, keptPaths, metadata) =>
        planRewrite(files, keptPaths, rulesFor(metadata, rules)),
      writeGroup: groupWriter(
        context,
        { session, scratchDir: lake.scratchDir },
        rules.sortBy === undefined ? {} : { sortBy: rules.sortBy },
      ),
    })
    if (rewritten === undefined) return { table, removedFileCount: 0, addedFileCount: 0 }
    await maintained.noteCommit(rewritten)
    const { removedFileCount, addedFileCount } = rewritten
    return { table, removedFileCount, addedFileCount }
  } catch (error) {
    if (!isErrorKind(error, 'commit-conflict') || !error.isRetryable) throw error
    throw new SluiceError(
      'commit-conflict',
      `Another engine changed files of ${table} while they were rewritten. Nothing of ${table} was ` +
        'changed. Run the command again.',
      { cause: error, isRetryable: true, context: { table } },
    )
  }
}

function rulesFor(metadata: TableMetadata, rules: CompactRules): RewriteRules {
  const said = Number(metadata.properties['write.target-file-size-bytes'])
  const { partition, sortBy, ...given } = rules
  return {
    ...defaultRewrite,
    ...(said > 0 ? { targetSizeBytes: said } : {}),
    ...given,
    ...(sortBy === undefined ? { sortOrderId: metadata['default-sort-order-id'] } : {}),
    ...(partition === undefined
      ? {}
      : {
          isInScope: (file) => {
            const spec = metadata['partition-specs'].find((one) => one['spec-id'] === file.specId)
            return spec !== undefined && partitionPath(spec, file.partition) === partition
          },
        }),
  }
}
