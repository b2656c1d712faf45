import { tableOfModel } from '../../shared-transforms/lake-model.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import type { ColumnDefinition } from '../../tables/spec/table-definition.ts'
import type { BronzeRetention } from './bronze-retention.ts'
import type { BrokenFiles } from './broken-files.ts'
import { CUT_ROWS } from './cut-rows-table.ts'
import { TAKE_OVERS_TABLE } from '../loop/replaced-sources.ts'
import { dayText } from '../lake/utc-days.ts'
import { DAY_US } from '../lake/utc-days.ts'
import { type DayPiece, dayPieces, isInPiece, pieceFilter } from './day-pieces.ts'
import { createSilverDerivation, type SilverDerivation } from './derive-silver.ts'
import { differingColumnsSql } from './differing-columns.ts'
import { type CheckResult, type Finding, FINDINGS_MAX } from './finding.ts'
import type { PinnedLake } from './pin-lake.ts'
import { readableRows } from './readable-rows.ts'

/**
 * How far to both sides of its days a piece reads bronze: rows of one identity lie within a minute,
 * and so do the rows that decide about those.
 */
const REACH_US = 3_600_000_000n

const REJECTED = 'silver.rejected_messages'

/**
 * Whether silver, and what was refused, is what the steps of today give when bronze is derived
 * again: row by row of each place in a source. instrument_id is left out: it is the config's word,
 * which may change; and so is seq_is_contiguous, which rows of older layouts do not say. In runs of days, so that memory is bounded; messages without an event time are
 * a run of their own, and those of them that have one by the steps of today belong to its day too.
 */
export async function checkDerivation(
  pinned: PinnedLake,
  broken: BrokenFiles,
  retention?: BronzeRetention,
): Promise<CheckResult> {
  const takeOvers = await readableRows(pinned, broken, TAKE_OVERS_TABLE)
  const derivation = await createSilverDerivation(pinned.session, pinned.lake.model, takeOvers)
  const findings: Finding[] = []
  let checkedCount = 0n
  for (const kind of pinned.lake.model.kinds) {
    const bronze = await readableRows(pinned, broken, `bronze.${kind}_messages`)
    const silver = await readableRows(pinned, broken, `silver.${kind}s`)
    const rejected = await readableRows(pinned, broken, REJECTED)
    if (bronze === undefined || silver === undefined || rejected === undefined) continue
    const days = await dayPieces(
      pinned.session,
      [bronze, silver].map((rows) => ({ rows: heldDays(rows, retention), column: 'event_ts' })),
    )
    const ofKind: Finding[] = []
    for (const piece of [undefined, ...days]) {
      if (ofKind.length >= FINDINGS_MAX) break
      checkedCount += await derivePiece(pinned, broken, derivation, kind, piece)
      if (piece === undefined) await keepTimed(pinned, kind)
      else ofKind.push(...(await compareSilver(pinned, broken, kind, piece)))
      ofKind.push(...(await compareRejected(pinned, broken, kind, piece, retention)))
    }
    findings.push(...ofKind)
  }
  const count = Number(checkedCount)
  const notes =
    retention === undefined
      ? []
      : [`${dayText(retention.wholeFromDay)} and before: not derived, as messages left bronze`]
  return { name: 'derivation', checkedCount: count, unit: 'messages', findings, notes }
}

/** Days of which bronze has all, the day before them too: its rows may shut some out. */
function heldDays(rows: string, retention: BronzeRetention | undefined): string {
  if (retention === undefined) return rows
  const fromUs = (retention.wholeFromDay + 1n) * DAY_US
  return `(SELECT * FROM ${rows} WHERE epoch_us(event_ts) >= ${fromUs})`
}

/** Undefined: the messages without an event time. */
type MessagePiece = DayPiece | undefined

function isOf(piece: MessagePiece, reachUs = 0n): string {
  return piece === undefined ? 'event_ts IS NULL' : isInPiece('event_ts', piece, reachUs)
}

function filterOf(piece: MessagePiece, reachUs = 0n) {
  return piece === undefined
    ? [{ column: 'event_ts', op: 'is-null' as const }]
    : pieceFilter('event_ts', piece, reachUs)
}

async function derivePiece(
  pinned: PinnedLake,
  broken: BrokenFiles,
  derivation: SilverDerivation,
  kind: Kind,
  piece: MessagePiece,
): Promise<bigint> {
  const filter = filterOf(piece, REACH_US)
  const name = `bronze.${kind}_messages`
  const rows = await readableRows(pinned, broken, name, { filter })
  const messages = [`SELECT * FROM ${rows ?? ''} WHERE ${isOf(piece, REACH_US)}`]
  if (piece !== undefined && (await hasTimed(pinned, piece))) {
    const untimed = await readableRows(pinned, broken, name, { filter: filterOf(undefined) })
    messages.push(
      `SELECT * FROM ${untimed ?? ''} SEMI JOIN (SELECT * FROM ${TIMED} ` +
        `WHERE ${isInPiece('event_ts', piece, REACH_US)}) ` +
        'USING (source, source_partition, source_offset) WHERE event_ts IS NULL',
    )
  }
  await derivation.derive(`(${messages.join(' UNION ALL BY NAME ')})`)
  const [count] = await pinned.session.rows<{ n: bigint }>(`SELECT count(*) AS n FROM framed`)
  return count?.n ?? 0n
}

/** Messages whose event time bronze does not know, as older steps could not read it, and these can. */
const TIMED = 'timed_messages'

async function keepTimed({ session }: PinnedLake, kind: Kind): Promise<void> {
  await session.run(
    `CREATE OR REPLACE TEMP TABLE ${TIMED} AS SELECT DISTINCT source, source_partition, ` +
      `source_offset, event_ts FROM derived_${kind} WHERE event_ts IS NOT NULL`,
  )
}

async function hasTimed({ session }: PinnedLake, piece: DayPiece): Promise<boolean> {
  const [row] = await session.rows<{ n: bigint }>(
    `SELECT count(*) AS n FROM ${TIMED} WHERE ${isInPiece('event_ts', piece, REACH_US)}`,
  )
  return (row?.n ?? 0n) > 0n
}

const PLACE = ['source', 'source_partition', 'source_offset', 'source_row'] as const
const placeText = `source || '[' || source_partition || '] at ' || source_offset || ' row ' || source_row`

interface WrongRow {
  readonly what: string
  readonly columns: string
  readonly is_held: boolean
  readonly is_given: boolean
  readonly file: string | null
  readonly cut: bigint | null
}

const notCompared = ['instrument_id', 'seq_is_contiguous']

async function compareSilver(
  pinned: PinnedLake,
  broken: BrokenFiles,
  kind: Kind,
  piece: DayPiece,
): Promise<Finding[]> {
  const name = `silver.${kind}s`
  const held = await readableRows(pinned, broken, name, {
    filter: filterOf(piece),
    withPosition: true,
  })
  const columns = columnsOf(pinned, name).filter((column) => !notCompared.includes(column.name))
  const given = `SELECT * FROM derived_${kind} WHERE verdict = 'accepted'`
  return compare(pinned, {
    ...{ name, columns },
    held: `SELECT * FROM ${held ?? ''} WHERE ${isOf(piece)}`,
    given: `${given} AND ${isOf(piece)}`,
  })
}

async function compareRejected(
  pinned: PinnedLake,
  broken: BrokenFiles,
  kind: Kind,
  piece: MessagePiece,
  retention: BronzeRetention | undefined,
): Promise<Finding[]> {
  const held = await readableRows(pinned, broken, REJECTED, {
    filter: filterOf(piece),
    withPosition: true,
  })
  const wanted = ['kind', 'reason', 'ingested_ts', ...PLACE]
  const isKind = `kind = '${kind}'`
  // Refusals whose messages left bronze stay.
  const isAnyTime = retention !== undefined && piece === undefined
  const isThere = isAnyTime
    ? 'SEMI JOIN framed USING (source, source_partition, source_offset)'
    : ''
  return compare(pinned, {
    name: REJECTED,
    columns: columnsOf(pinned, REJECTED).filter((column) => wanted.includes(column.name)),
    held: `SELECT * FROM ${held ?? ''} ${isThere} WHERE ${isKind} AND ${isOf(piece)}`,
    given: `SELECT * REPLACE ('${kind}' AS kind) FROM derived_${kind} WHERE reason IS NOT NULL AND ${isOf(piece)}`,
  })
}

function columnsOf({ lake }: PinnedLake, name: string): readonly ColumnDefinition[] {
  return tableOfModel(lake.model, name)?.columns ?? []
}

interface Comparison {
  readonly name: string
  readonly columns: readonly ColumnDefinition[]
  readonly held: string
  readonly given: string
}

async function compare({ session }: PinnedLake, comparison: Comparison): Promise<Finding[]> {
  const { name, columns, held, given } = comparison
  const on = PLACE.map((column) => `h.${column} = g.${column}`).join(' AND ')
  const places = PLACE.map((column) => `coalesce(h.${column}, g.${column}) AS ${column}`)
  const rows = await session.rows<WrongRow>(
    `SELECT ${placeText} AS what, columns, is_held, is_given, _file AS file, ` +
      `(SELECT max(cut_number) FROM ${CUT_ROWS} c WHERE c.ingested_ts = last_ts) AS cut ` +
      `FROM (SELECT ${places.join(', ')}, h.source IS NOT NULL AS is_held, ` +
      `g.source IS NOT NULL AS is_given, h._file, ` +
      `coalesce(h.ingested_ts, g.ingested_ts) AS last_ts, ` +
      `${differingColumnsSql(columns, 'h', 'g')} AS columns ` +
      `FROM (${held}) h FULL JOIN (${given}) g ON ${on}) ` +
      `WHERE NOT is_held OR NOT is_given OR columns <> '' ` +
      `ORDER BY source, source_partition, source_offset, source_row LIMIT ${FINDINGS_MAX}`,
  )
  return rows.map((row) => wrongFinding(name, row))
}

function wrongFinding(table: string, row: WrongRow): Finding {
  const place = {
    check: 'derivation' as const,
    table,
    ...(row.file === null ? {} : { file: row.file }),
    ...(row.cut === null ? {} : { cut: Number(row.cut) }),
  }
  const advice =
    'Find the snapshot that made it so (`sluice history`) and roll the table back to before it. ' +
    'Where the transforms were changed since, derive the days again.'
  if (!row.is_held) {
    return {
      ...{ ...place, kind: 'data-loss', advice },
      what: `The row of ${row.what} is missing, which bronze gives.`,
    }
  }
  if (!row.is_given) {
    return {
      ...{ ...place, kind: 'corrupt-data', advice },
      what: `The row of ${row.what} is there, and bronze does not give it.`,
    }
  }
  return {
    ...{ ...place, kind: 'corrupt-data', advice },
    what: `The row of ${row.what} is not what bronze gives: ${row.columns} differ.`,
  }
}
