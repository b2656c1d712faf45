import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import type { HasModel } from '../../shared-transforms/lake-model.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { TableDefinition } from '../../tables/spec/table-definition.ts'
import type { Lake } from '../lake/lake.ts'
import { createBrokenFiles } from './broken-files.ts'
import { DAY_US } from '../lake/utc-days.ts'
import { isInPiece, pieceFilter } from './day-pieces.ts'
import { pinLake, type PinnedLake } from './pin-lake.ts'
import { readableRows } from './readable-rows.ts'

/** The rows of one table on one UTC day, as two numbers that hang on their content alone. */
export interface DayHash {
  readonly table: string
  /** `2025-01-15`. */
  readonly day: string
  readonly rowCount: bigint
  /** A decimal(38,0) as text: see `contentHashSql`. */
  readonly hash: string
}

export interface LakeHashes {
  readonly cut: number | undefined
  readonly days: readonly DayHash[]
}

export interface HashOptions {
  readonly lake: Lake
  /** First and last day (days since 1970, both inclusive); default all days. */
  readonly fromDay?: number | undefined
  readonly toDay?: number | undefined
}

/** The tables whose content the law is about. */
export function hashedTables({ model }: HasModel): readonly TableDefinition[] {
  return model.tables.filter(
    ({ name, columns }) =>
      /^(silver|gold)\./.test(name) &&
      name !== 'silver.rejected_messages' &&
      columns.some(({ role }) => role === 'content'),
  )
}

/**
 * Row count and content hash of each table of silver and gold by day, all at one cut. Two lakes
 * that took the same input have the same hashes, however it came to them.
 * @throws SluiceError where a table or a file cannot be read.
 */
export async function hashLake(options: HashOptions): Promise<LakeHashes> {
  const session = await options.lake.engine.connect()
  try {
    const pinned = await pinLake(options.lake, session)
    const days: DayHash[] = []
    for (const definition of hashedTables(options.lake)) {
      const relation = await relationOf(pinned, definition, options)
      const rows = await session.rows<{ day: unknown; row_count: bigint; hash: unknown }>(
        contentHashSql(definition, relation),
      )
      for (const { day, row_count: rowCount, hash } of rows) {
        days.push({ table: definition.name, day: String(day), rowCount, hash: String(hash) })
      }
    }
    return { cut: pinned.cut?.cutNumber, days }
  } finally {
    session.close()
  }
}

async function relationOf(
  pinned: PinnedLake,
  { name, partition }: TableDefinition,
  { fromDay, toDay }: HashOptions,
): Promise<string> {
  const [missing] = pinned.findings.filter(({ table }) => table === name)
  if (missing !== undefined)
    throw new SluiceError(
      missing.kind,
      `${name}: ${missing.what} Nothing was hashed. ${missing.advice}`,
    )
  const piece = {
    fromUs: BigInt(fromDay ?? 0) * DAY_US,
    untilUs: BigInt((toDay ?? LAST_DAY) + 1) * DAY_US,
  }
  const column = partition[0]?.column ?? 'event_ts'
  const filter = pieceFilter(column, piece)
  const rows = await readableRows(pinned, createBrokenFiles(), name, { filter })
  return `(SELECT * FROM ${rows ?? ''} WHERE ${isInPiece(column, piece)})`
}

/** 2199-12-31: event times end there. */
const LAST_DAY = 84_005
