import { SluiceError } from '../../../tables/errors.ts'
import { parseTimeText } from '../../../tables/spec/time-text.ts'
import {
  judgeLakeTableRollback,
  rollBackLakeTable,
  type RollbackTarget,
  type RolledBackLakeTable,
} from '../../lake/roll-back-lake-table.ts'
import { withMaintainedLake } from '../../lake/with-maintained-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatInstant } from '../format-units.ts'
import { withLake, type LakeOptions } from '../lake-options.ts'
import { drawTextTable } from '../text-table.ts'

/** The options of `sluice rollback TABLE`. */
export interface RollbackTableOptions extends LakeOptions {
  readonly toSnapshot?: bigint
  readonly toTag?: string
  readonly toTime?: string
  readonly dryRun: boolean
}

/** What a table shall go back to, as far as the options say it. */
export function targetsOf(options: RollbackTableOptions): readonly RollbackTarget[] {
  const { toSnapshot, toTag, toTime } = options
  return [
    ...(toSnapshot === undefined ? [] : [{ kind: 'snapshot', snapshotId: toSnapshot } as const]),
    ...(toTag === undefined ? [] : [{ kind: 'tag', name: toTag } as const]),
    ...(toTime === undefined ? [] : [{ kind: 'time', timeUs: parseTimeText(toTime) } as const]),
  ]
}

/** Sets one table back and says what that undid. */
export async function runTableRollback(
  context: CommandContext,
  name: string,
  options: RollbackTableOptions,
): Promise<void> {
  const [target, ...others] = targetsOf(options)
  if (target === undefined || others.length > 0) {
    throw new SluiceError(
      'invalid-input',
      `${name} is to go back, but not to one state. Nothing was rolled back. Give one of ` +
        '--to-snapshot, --to-tag and --to-time.',
    )
  }
  const result = options.dryRun
    ? await withLake(context, options.lake, (lake) => judgeLakeTableRollback(lake, name, target))
    : await rollBack(context, name, target, options)
  if (options.json) printJson(context, toJson(result))
  else for (const line of drawResult(result, options.dryRun)) printLine(context, line)
}

function rollBack(
  context: CommandContext,
  name: string,
  target: RollbackTarget,
  options: LakeOptions,
): Promise<RolledBackLakeTable> {
  const { clock, ids, environment } = context
  const { secrets, engine } = environment
  return withMaintainedLake(
    {
      directory: options.lake,
      purpose: 'sluice rollback',
      clock,
      ids,
      secrets,
      engine,
      model: context.model.current,
    },
    (maintained) => rollBackLakeTable(maintained, name, target),
  )
}

function toJson({ table, fromSnapshotId, toSnapshotId, undone, isChanged }: RolledBackLakeTable) {
  return {
    table,
    fromSnapshotId: fromSnapshotId ?? null,
    toSnapshotId,
    undone: undone.map((snapshot) => snapshot['snapshot-id']),
    isChanged,
  }
}

function drawResult(result: RolledBackLakeTable, isDryRun: boolean): readonly string[] {
  const { table, fromSnapshotId, toSnapshotId, undone } = result
  if (undone.length === 0) return [`${table} is at snapshot ${toSnapshotId} already`]
  const verb = isDryRun ? 'would go' : 'goes'
  return [
    `${table} ${verb} back from snapshot ${fromSnapshotId ?? 'none'} to ${toSnapshotId}; undone:`,
    ...drawTextTable(
      [
        { title: 'snapshot', align: 'right' },
        { title: 'committed', align: 'left' },
        { title: 'operation', align: 'left' },
      ],
      undone.map((snapshot) => [
        String(snapshot['snapshot-id']),
        formatInstant(BigInt(snapshot['timestamp-ms']) * 1000n),
        snapshot.summary.operation,
      ]),
    ).map((line) => `  ${line}`),
    ...(isDryRun ? ['nothing was changed'] : []),
  ]
}
