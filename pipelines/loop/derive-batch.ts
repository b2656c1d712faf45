import { formats, type Format } from '../../shared-transforms/formats/formats.ts'
import { kinds } from '../../shared-transforms/kind.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { SluiceError } from '../../tables/errors.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'

/**
 * From the table `framed` to `routed` and, for each kind, `decoded_<kind>`: typed rows with
 * `reason` null where the row is good.
 *
 * Steps are total, so no message should make them throw. Should one do it all the same, the batch
 * is halved until that message is alone; it becomes a rejected row `engine-error` of its format's
 * first kind, and the rest of the batch is there.
 */
export async function deriveBatch(session: Session, formatNames: readonly string[]): Promise<void> {
  await createEmptyTables(session)
  for (const name of formatNames) {
    const format = formatOf(name)
    const range = await session.rows<{ low: bigint | null; high: bigint | null }>(
      `SELECT min(rowid) AS low, max(rowid) + 1 AS high FROM framed WHERE format = ${sqlString(name)}`,
    )
    const low = range[0]?.low ?? null
    const high = range[0]?.high ?? null
    if (low !== null && high !== null) await deriveRange(session, format, low, high)
  }
}

export function formatOf(name: string): Format {
  const format = formats.get(name)
  if (format === undefined) {
    throw new SluiceError(
      'invalid-input',
      `There is no format "${name}". Nothing was read. Formats: ${[...formats.keys()].join(', ')}.`,
    )
  }
  return format
}

async function createEmptyTables(session: Session): Promise<void> {
  const example = formatOf('stock-json')
  const none = '(SELECT * FROM framed WHERE false)'
  await session.run(`CREATE OR REPLACE TABLE routed AS ${example.routeSql(none)}`)
  for (const kind of kinds) {
    await session.run(
      `CREATE OR REPLACE TABLE decoded_${kind} AS SELECT *, false AS is_event_time_received ` +
        `FROM (${example.decodeSql(kind, 'routed')})`,
    )
  }
}

async function deriveRange(
  session: Session,
  format: Format,
  low: bigint,
  high: bigint,
): Promise<void> {
  try {
    await session.run('BEGIN')
    await deriveRows(session, format, low, high)
    await session.run('COMMIT')
  } catch (error) {
    await session.run('ROLLBACK')
    if (high - low <= 1n) {
      await rejectAsEngineError(session, format, low, error)
      return
    }
    const middle = (low + high) / 2n
    await deriveRange(session, format, low, middle)
    await deriveRange(session, format, middle, high)
  }
}

async function deriveRows(
  session: Session,
  format: Format,
  low: bigint,
  high: bigint,
): Promise<void> {
  const rows =
    `(SELECT * FROM framed WHERE format = ${sqlString(format.name)} ` +
    `AND rowid >= ${low} AND rowid < ${high})`
  const routedBefore = await countRows(session, 'routed')
  await session.run(`INSERT INTO routed BY NAME ${format.routeSql(rows)}`)
  for (const kind of format.kinds) {
    const routed =
      `(SELECT * FROM routed WHERE rowid >= ${routedBefore} AND NOT is_ignored ` +
      `AND kind = ${sqlString(kind)})`
    await session.run(
      `INSERT INTO decoded_${kind} BY NAME SELECT *, ${format.isEventTimeReceived(kind)} ` +
        `AS is_event_time_received FROM (${format.decodeSql(kind, routed)})`,
    )
  }
}

async function countRows(session: Session, table: string): Promise<bigint> {
  const rows = await session.rows<{ count: bigint }>(`SELECT count(*) AS count FROM ${table}`)
  return rows[0]?.count ?? 0n
}

async function rejectAsEngineError(
  session: Session,
  format: Format,
  row: bigint,
  error: unknown,
): Promise<void> {
  const kind = format.kinds[0] ?? 'trade'
  const detail = error instanceof Error ? error.message.slice(0, 500) : String(error)
  await session.run(
    `INSERT INTO routed BY NAME SELECT *, ${sqlString(kind)} AS kind, false AS is_ignored ` +
      `FROM framed WHERE rowid = ${row}`,
  )
  await session.run(
    `INSERT INTO decoded_${kind} BY NAME SELECT *, ${sqlString(kind)} AS kind, ` +
      `0 AS source_row, 'engine-error' AS reason, ${sqlString(detail)} AS detail, ` +
      `false AS is_event_time_received FROM framed WHERE rowid = ${row}`,
  )
}
