import { bronzeSql } from '../../../shared-transforms/bronze.ts'
import { trinoDialect } from '../../../shared-transforms/dialect.ts'
import type { Kind } from '../../../shared-transforms/kind.ts'
import { sqlString } from '../../../tables/engine/sql-text.ts'
import { silverTable } from '../../loop/write-cut-files.ts'
import type { Instrument } from '../../loop/instruments.ts'
import { judgeByTrino, type JudgedRows } from './judge-by-trino.ts'
import { FRAMED } from './frame-into-scratch.ts'
import { columnNames, make, type TrinoWork } from './trino-work.ts'
import { DAY_US } from '../../lake/utc-days.ts'

export interface TransformedKind {
  readonly kind: Kind
  /** Messages that are not ignored. */
  readonly decodedCount: number
  /** Good rows with their verdict; undefined where no message was decoded. */
  readonly judged: JudgedRows | undefined
}

/** Partitions that one statement writes: each of them costs a writer's memory in each worker. */
const PARTITIONS_AT_ONCE = 64

/**
 * From the framed messages in scratch to the rows of bronze and silver in twins of these tables,
 * and to the states of gold's windows: the steps of shared-transforms, each run once over all.
 */
export async function transformByTrino(work: TrinoWork): Promise<readonly TransformedKind[]> {
  const { trino, format, scratch } = work
  await make(work, 'routed', 'tell the kinds of messages', () =>
    format.routeSql(scratch(FRAMED), trinoDialect),
  )
  const present = await trino.rows<{ kind: Kind; decoded: bigint }>(
    'count the kinds of messages',
    `SELECT kind, count_if(NOT is_ignored) AS decoded FROM ${scratch('routed')} ` +
      `GROUP BY kind ORDER BY kind`,
  )
  const done: TransformedKind[] = []
  for (const { kind, decoded } of present) {
    const decodedCount = Number(decoded)
    await decode(work, kind)
    const judged = decodedCount === 0 ? undefined : await judgeByTrino(work, kind)
    await fillTwins(work, kind, judged)
    done.push({ kind, decodedCount, judged })
  }
  await fillRejected(work, done)
  return done
}

/** The name of the table of a gold table's states that rows of a kind give. */
export function statesName(state: string, kind: Kind): string {
  return `${state}_states_of_${kind}`
}

async function decode(work: TrinoWork, kind: Kind): Promise<void> {
  const { format, scratch } = work
  const routed = `(SELECT * FROM ${scratch('routed')} WHERE kind = ${sqlString(kind)} AND NOT is_ignored)`
  const isReceived = format.isEventTimeReceived(kind)
  await make(
    work,
    `decoded_${kind}`,
    `decode the ${kind}s`,
    () =>
      `WITH ${instrumentsSql(work.instruments)} ` +
      `SELECT *, ${isReceived} AS is_event_time_received ` +
      `FROM (${format.decodeSql(kind, routed, trinoDialect)})`,
  )
}

/** The relation that decoding joins. */
function instrumentsSql(instruments: readonly Instrument[]): string {
  const rows = instruments.map(
    (each) => `(${[each.venue, each.venue_symbol, each.instrument_id].map(sqlString).join(', ')})`,
  )
  const columns = 'instruments (venue, venue_symbol, instrument_id)'
  if (rows.length > 0) return `${columns} AS (VALUES ${rows.join(', ')})`
  const none = 'CAST(NULL AS varchar)'
  return `${columns} AS (SELECT ${none}, ${none}, ${none} WHERE false)`
}

async function fillTwins(
  work: TrinoWork,
  kind: Kind,
  judged: JudgedRows | undefined,
): Promise<void> {
  const { scratch, run } = work
  const decoded = scratch(`decoded_${kind}`)
  const bronze = bronzeSql(kind, { routed: scratch('routed'), decoded }, trinoDialect)
  await fill(work, `bronze.${kind}_messages`, `(${bronze})`, 'partition_ts')
  if (judged === undefined) return
  const silver = silverTable(kind)
  const accepted = `(SELECT * FROM ${judged.relation} AS v WHERE verdict = 'accepted')`
  await fill(work, silver, accepted, 'event_ts')
  const rows = scratch(run.twinName(silver))
  for (const { state, inputs } of work.model.goldTables) {
    const input = inputs.find((one) => one.kind === kind)
    if (input === undefined) continue
    await make(work, statesName(state, kind), `aggregate the ${kind}s`, () =>
      input.partialSql(rows, trinoDialect),
    )
  }
}

/** Messages that decoding refused, and rows that the duplicate rule refused, with the payload. */
async function fillRejected(work: TrinoWork, done: readonly TransformedKind[]): Promise<void> {
  const table = 'silver.rejected_messages'
  const columns = columnNames(work, table)
  const list = (alias: string) => columns.map((name) => `${alias}.${name}`).join(', ')
  const relations = done.flatMap(({ kind, judged }) => {
    if (judged === undefined) return []
    const refused = `SELECT ${list('d')} FROM ${work.scratch(`decoded_${kind}`)} AS d WHERE reason IS NOT NULL`
    if (judged.conflicts === undefined) return [refused]
    const shown = columns.map((name) => {
      if (name === 'reason') return `'conflicting-duplicate' AS reason`
      if (name === 'detail')
        return `'silver holds a row of this identity with other content' AS detail`
      return messageColumns.has(name) ? `r.${name}` : `v.${name}`
    })
    return [
      refused,
      `SELECT ${shown.join(', ')} FROM ${judged.conflicts} AS v JOIN ${work.scratch('routed')} AS r ` +
        `ON ${positionIsEqual('v', 'r')}`,
    ]
  })
  if (relations.length > 0) {
    await fill(work, table, `(${relations.join(' UNION ALL ')})`, 'ingested_ts')
  }
}

/** What a refused row takes from its message. */
const messageColumns = new Set([
  'kind',
  'format',
  'message_key',
  'headers',
  'payload',
  'payload_encoding',
])

/** Equal positions of two relations. */
function positionIsEqual(a: string, b: string): string {
  return ['source', 'source_partition', 'source_offset']
    .map((name) => `${a}.${name} = ${b}.${name}`)
    .join(' AND ')
}

/**
 * Writes rows into the twin of a table, some days in each statement: writers of one worker have a
 * bound on partitions.
 */
async function fill(
  work: TrinoWork,
  table: string,
  rows: string,
  timeColumn: string,
): Promise<void> {
  const { trino, scratch, run } = work
  const us = trinoDialect.epochUs(timeColumn)
  const days = await trino.rows<{ day: bigint }>(
    `find the days of ${table}`,
    `SELECT DISTINCT (${us} - (${us} % ${DAY_US} + ${DAY_US}) % ${DAY_US}) / ${DAY_US} AS day ` +
      `FROM ${rows} AS x ORDER BY day`,
  )
  const columns = columnNames(work, table).join(', ')
  for (let at = 0; at < days.length; at += PARTITIONS_AT_ONCE) {
    const some = days.slice(at, at + PARTITIONS_AT_ONCE)
    const [first, last] = [some[0]?.day ?? 0n, some.at(-1)?.day ?? 0n]
    const where =
      days.length <= PARTITIONS_AT_ONCE
        ? ''
        : ` WHERE ${timeColumn} >= ${trinoDialect.timestampOfUs(String(first * DAY_US))} ` +
          `AND ${timeColumn} < ${trinoDialect.timestampOfUs(String((last + 1n) * DAY_US))}`
    await trino.run(
      `write ${table}`,
      `INSERT INTO ${scratch(run.twinName(table))} (${columns}) ` +
        `SELECT ${columns} FROM ${rows} AS x${where}`,
    )
  }
}
