import { tableOfModel } from '../../shared-transforms/lake-model.ts'
import type { TableDefinition } from '../../tables/spec/table-definition.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import {
  derivedStatesSql,
  WINDOW_KEY,
  WINDOW_KEY_SQL,
  type GoldTable,
} from '../../shared-transforms/gold-tables.ts'
import type { BrokenFiles } from './broken-files.ts'
import { dayPieces, isInPiece, pieceFilter, type DayPiece } from './day-pieces.ts'
import { differingColumnsSql } from './differing-columns.ts'
import { type CheckResult, type Finding, FINDINGS_MAX } from './finding.ts'
import { findRevisionFindings } from './check-revisions.ts'
import type { PinnedLake } from './pin-lake.ts'
import { readableRows } from './readable-rows.ts'

/**
 * Whether gold is what silver gives when it is aggregated again: the same windows, each once, with
 * the same content; decimals exactly, doubles to twelve digits. And whether the versions of bars
 * that changed lead to them.
 */
export async function checkGold(pinned: PinnedLake, broken: BrokenFiles): Promise<CheckResult> {
  const findings: Finding[] = []
  let checkedCount = 0n
  const gaps = await readableRows(pinned, broken, 'silver.gaps')
  await pinned.session.run(
    'CREATE OR REPLACE TEMP TABLE gold_gaps AS SELECT venue, venue_symbol, from_ts, to_ts ' +
      `FROM ${gaps ?? NO_GAPS} WHERE healed_cut IS NULL`,
  )
  for (const gold of pinned.lake.model.goldTables) {
    const definition = tableOfModel(pinned.lake.model, gold.name)
    const held = await readableRows(pinned, broken, gold.name)
    const silver: string[] = []
    for (const { kind } of gold.inputs) {
      const rows = await readableRows(pinned, broken, `silver.${kind}s`)
      if (rows !== undefined) silver.push(rows)
    }
    const isWhole = silver.length === gold.inputs.length
    if (definition === undefined || held === undefined || !isWhole) continue
    const pieces = await dayPieces(pinned.session, [
      ...silver.map((rows) => ({ rows, column: 'event_ts' })),
      { rows: held, column: 'open_ts' },
    ])
    const ofTable: Finding[] = []
    for (const piece of pieces) {
      checkedCount += await fillPiece(pinned, broken, gold, piece)
      if (ofTable.length >= FINDINGS_MAX) continue
      ofTable.push(...(await twiceWindows(pinned, gold)))
      ofTable.push(...(await wrongWindows(pinned, gold, definition)))
    }
    findings.push(...ofTable)
  }
  findings.push(...(await findRevisionFindings(pinned, broken)))
  const count = Number(checkedCount)
  return { name: 'gold', checkedCount: count, unit: 'windows', findings, notes: [] }
}

/** Where the ledger cannot be read: other checks say so. */
const NO_GAPS =
  '(SELECT NULL::VARCHAR AS venue, NULL::VARCHAR AS venue_symbol, NULL::TIMESTAMPTZ AS from_ts, ' +
  'NULL::TIMESTAMPTZ AS to_ts, 1 AS healed_cut)'

/** `gold_held` and `gold_given`: the windows of some days as they are, and as they should be. */
async function fillPiece(
  pinned: PinnedLake,
  broken: BrokenFiles,
  gold: GoldTable,
  piece: DayPiece,
): Promise<bigint> {
  const { session } = pinned
  const held = await readableRows(pinned, broken, gold.name, {
    filter: pieceFilter('open_ts', piece),
    withPosition: true,
  })
  await session.run(
    `CREATE OR REPLACE TEMP TABLE gold_held AS SELECT * FROM ${gold.heldSql(held ?? '')} ` +
      `WHERE ${isInPiece('open_ts', piece)}`,
  )
  const rows = new Map<Kind, string>()
  for (const { kind } of gold.inputs) {
    const silver = await readableRows(pinned, broken, `silver.${kind}s`, {
      filter: pieceFilter('event_ts', piece),
    })
    rows.set(kind, `(SELECT * FROM ${silver ?? ''} WHERE ${isInPiece('event_ts', piece)})`)
  }
  const windows = gold.finalizeSql(`(${derivedStatesSql(gold, rows)})`)
  const given = gold.judgeSql(`(${windows})`, 'gold_gaps')
  await session.run(`CREATE OR REPLACE TEMP TABLE gold_given AS ${given}`)
  const [count] = await session.rows<{ n: bigint }>('SELECT count(*) AS n FROM gold_held')
  return count?.n ?? 0n
}

const WINDOW_TEXT = `step || ' ' || venue || ' ' || venue_symbol || ' of ' || open_ts`

async function twiceWindows({ session }: PinnedLake, gold: GoldTable): Promise<Finding[]> {
  const rows = await session.rows<{ what: string; n: bigint; file: string; files: string[] }>(
    `SELECT ${WINDOW_TEXT} AS what, count(*) AS n, min(_file) AS file, ` +
      `list(DISTINCT _file ORDER BY _file) AS files FROM gold_held ` +
      `GROUP BY ${WINDOW_KEY_SQL} HAVING n > 1 ORDER BY what LIMIT ${FINDINGS_MAX}`,
  )
  return rows.map(({ what, n, file, files }) => ({
    ...{ check: 'gold', kind: 'corrupt-data', table: gold.name, file, files },
    what: `The window ${what} is there ${n} times and not once.`,
    advice: REPAIR,
  }))
}

const REPAIR =
  'Find the snapshot that made it so (`sluice history`) and roll the table back to before it. The ' +
  'next cut of a writer that is started anew derives days again that somebody else changed.'

interface WrongWindow {
  readonly what: string
  readonly columns: string | null
  readonly is_held: boolean
  readonly is_given: boolean
  readonly file: string | null
}

async function wrongWindows(
  { session }: PinnedLake,
  gold: GoldTable,
  definition: TableDefinition,
): Promise<Finding[]> {
  const compared = definition.columns.filter(
    ({ name }) => !WINDOW_KEY.some((key) => key === name) && !notDerived.includes(name),
  )
  const columns = differingColumnsSql(compared, 'h', 'g')
  const isHeld = 'h.step IS NOT NULL'
  const isGiven = 'g.step IS NOT NULL'
  const keys = WINDOW_KEY.map((key) => `h.${key} = g.${key}`).join(' AND ')
  const key = (name: string): string => `coalesce(h.${name}, g.${name}) AS ${name}`
  const rows = await session.rows<WrongWindow>(
    `SELECT ${WINDOW_TEXT} AS what, columns, is_held, is_given, _file AS file FROM (SELECT ` +
      `${WINDOW_KEY.map(key).join(', ')}, ${isHeld} AS is_held, ${isGiven} AS is_given, h._file, ` +
      `${columns} AS columns FROM gold_held h FULL JOIN gold_given g ON ${keys}) ` +
      `WHERE NOT is_held OR NOT is_given OR columns <> '' ORDER BY what LIMIT ${FINDINGS_MAX}`,
  )
  return rows.map((row) => wrongFinding(gold, row))
}

/** What only the loop knows of a window. */
const notDerived = ['is_sealed', 'revision', 'known_cut']

function wrongFinding(gold: GoldTable, row: WrongWindow): Finding {
  const silver = gold.inputs.map(({ kind }) => `silver.${kind}s`).join(' or ')
  const place = {
    check: 'gold' as const,
    table: gold.name,
    ...(row.file === null ? {} : { file: row.file }),
  }
  if (!row.is_held) {
    return {
      ...{ ...place, kind: 'data-loss' },
      what: `The window ${row.what} is missing: ${silver} has rows in it.`,
      advice: REPAIR,
    }
  }
  if (!row.is_given) {
    return {
      ...{ ...place, kind: 'corrupt-data' },
      what: `The window ${row.what} is there, and no row of ${silver} is in it.`,
      advice: REPAIR,
    }
  }
  return {
    ...{ ...place, kind: 'corrupt-data' },
    what: `The window ${row.what} is not what ${silver} gives: ${row.columns ?? ''} differ.`,
    advice: REPAIR,
  }
}
