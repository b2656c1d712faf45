import { IDENTITY_HORIZON_US } from '../../shared-transforms/duplicates.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import type { BrokenFiles } from './broken-files.ts'
import { checkRowSums, rejectedRows, silverRows } from './check-row-sums.ts'
import { CUT_ROWS } from './cut-rows-table.ts'
import { dayPieces, isInPiece, pieceFilter, type DayPiece } from './day-pieces.ts'
import { type CheckResult, type Finding, FINDINGS_MAX } from './finding.ts'
import type { PinnedLake } from './pin-lake.ts'
import { readableRows } from './readable-rows.ts'

/** Whether silver has as many rows as the receipts say, each identity and each position once. */
export async function checkSilver(pinned: PinnedLake, broken: BrokenFiles): Promise<CheckResult> {
  const sums = await checkRowSums(pinned, broken, silverRows(pinned.lake))
  const findings: Finding[] = [...(sums?.findings ?? [])]
  for (const kind of pinned.lake.model.kinds)
    findings.push(...(await checkIdentities(pinned, broken, kind)))
  return {
    ...{ name: 'silver', checkedCount: Number(sums?.rowCount ?? 0n), unit: 'rows', findings },
    notes: [],
  }
}

/** Whether as many messages and rows are refused as the receipts say. */
export async function checkRejected(pinned: PinnedLake, broken: BrokenFiles): Promise<CheckResult> {
  const sums = await checkRowSums(pinned, broken, rejectedRows)
  const findings = sums?.findings ?? []
  const checkedCount = Number(sums?.rowCount ?? 0n)
  return { name: 'rejected', checkedCount, unit: 'rows', findings, notes: [] }
}

interface TwiceRow {
  readonly what: string
  readonly n: bigint
  readonly file: string
  /** Where all of them are. */
  readonly files?: readonly string[]
  readonly cut: bigint | null
}

async function checkIdentities(
  pinned: PinnedLake,
  broken: BrokenFiles,
  kind: Kind,
): Promise<Finding[]> {
  const name = `silver.${kind}s`
  const all = await readableRows(pinned, broken, name)
  if (all === undefined) return []
  const findings: Finding[] = []
  for (const piece of await dayPieces(pinned.session, [{ rows: all, column: 'event_ts' }])) {
    const rows = await readPiece(pinned, broken, name, piece)
    const within = `(${rows} AND ${isInPiece('event_ts', piece)})`
    findings.push(...(await findTwice(pinned, name, within, kind)))
    if (findings.length < FINDINGS_MAX) {
      findings.push(...(await findWithinReach(pinned, broken, name, `(${rows})`, kind)))
    }
    if (findings.length >= FINDINGS_MAX) break
  }
  return findings
}

async function readPiece(
  pinned: PinnedLake,
  broken: BrokenFiles,
  name: string,
  piece: DayPiece,
): Promise<string> {
  const reach = BigInt(IDENTITY_HORIZON_US)
  const filter = pieceFilter('event_ts', piece, reach)
  const rows = await readableRows(pinned, broken, name, { filter, withPosition: true })
  return `SELECT * FROM ${rows ?? ''} WHERE ${isInPiece('event_ts', piece, reach)}`
}

/** Rows of one identity, and rows that came from one place of a source. */
async function findTwice(
  { session }: PinnedLake,
  name: string,
  rows: string,
  kind: Kind,
): Promise<Finding[]> {
  const id = `${kind}_id`
  const place = 'source, source_partition, source_offset, source_row'
  const identity =
    `SELECT venue || ' ' || venue_symbol || ' ' || ${id} || ' at ' || event_ts AS what, ` +
    `count(*) AS n, max_by(_file, ingested_ts) AS file, list(DISTINCT _file ORDER BY _file) AS files, ` +
    `max(ingested_ts) AS last_ts FROM ${rows} ` +
    `WHERE ${id} IS NOT NULL GROUP BY venue, venue_symbol, ${id}, event_ts HAVING n > 1`
  const position =
    `SELECT source || '[' || source_partition || '] at ' || source_offset || ' row ' || ` +
    `source_row, count(*) AS n, max_by(_file, ingested_ts), list(DISTINCT _file ORDER BY _file), ` +
    `max(ingested_ts) FROM ${rows} GROUP BY ${place} HAVING n > 1`
  const twice = await session.rows<TwiceRow>(
    `SELECT what, n, file, files, (SELECT max(cut_number) FROM ${CUT_ROWS} c WHERE c.ingested_ts = last_ts) ` +
      `AS cut FROM (${identity} UNION ALL ${position}) ORDER BY what LIMIT ${FINDINGS_MAX}`,
  )
  return twice.map((row) => twiceFinding(name, row))
}

/** Where the event time is the receive time, an id must not come again within ±H. */
async function findWithinReach(
  pinned: PinnedLake,
  broken: BrokenFiles,
  name: string,
  rows: string,
  kind: Kind,
): Promise<Finding[]> {
  const received = [...pinned.lake.model.formats.values()].filter((format) =>
    format.isEventTimeReceived(kind),
  )
  if (received.length === 0) return []
  const id = `${kind}_id`
  const near =
    `SELECT * FROM (SELECT *, epoch_us(event_ts) - lag(epoch_us(event_ts)) OVER near AS gap_us ` +
    `FROM ${rows} WHERE ${id} IS NOT NULL ` +
    `WINDOW near AS (PARTITION BY venue, venue_symbol, ${id} ORDER BY event_ts)) ` +
    `WHERE gap_us > 0 AND gap_us <= ${IDENTITY_HORIZON_US}`
  await pinned.session.run(`CREATE OR REPLACE TEMP TABLE near_rows AS ${near}`)
  const [count] = await pinned.session.rows<{ n: bigint }>('SELECT count(*) AS n FROM near_rows')
  if ((count?.n ?? 0n) === 0n) return []
  const bronze = await readableRows(pinned, broken, `bronze.${kind}_messages`)
  if (bronze === undefined) return []
  const names = received.map((format) => sqlString(format.name)).join(', ')
  const twice = await pinned.session.rows<TwiceRow>(
    `SELECT venue || ' ' || venue_symbol || ' ' || ${id} || ' at ' || event_ts AS what, ` +
      `2::BIGINT AS n, _file AS file, (SELECT max(cut_number) FROM ${CUT_ROWS} c ` +
      `WHERE c.ingested_ts = r.ingested_ts) AS cut FROM near_rows r SEMI JOIN ` +
      `(SELECT * FROM ${bronze} WHERE format IN (${names})) ` +
      `USING (source, source_partition, source_offset) ORDER BY what LIMIT ${FINDINGS_MAX}`,
  )
  return twice.map((row) => twiceFinding(name, row))
}

function twiceFinding(table: string, { what, n, file, files, cut }: TwiceRow): Finding {
  return {
    ...{ check: 'silver', kind: 'corrupt-data', table, file },
    ...(files === undefined ? {} : { files }),
    ...(cut === null ? {} : { cut: Number(cut) }),
    what: `${what} is there ${n} times and not once: sums over silver count it ${n} times.`,
    advice:
      'Find the snapshot that added the file (`sluice history`): if it is of no cut, roll the ' +
      'table back to before it or delete the copy.',
  }
}
