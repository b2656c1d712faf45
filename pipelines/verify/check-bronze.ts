import { partKey } from '../sources/source.ts'
import type { BronzeRetention } from './bronze-retention.ts'
import type { BrokenFiles } from './broken-files.ts'
import { standingCuts } from '../lake/standing-cuts.ts'
import { CUT_ROWS } from './cut-rows-table.ts'
import { type CheckResult, type Finding, FINDINGS_MAX } from './finding.ts'
import { locateDoubled, type LocatedMessage, locateLost } from './locate-messages.ts'
import type { PinnedLake } from './pin-lake.ts'
import { readableRows } from './readable-rows.ts'

/** Messages that are compared at once: what the engine keeps of each is an offset. */
const PIECE_MESSAGES = 4_000_000

/**
 * Whether bronze holds exactly the messages that the receipts count: of each part in each cut as
 * many, each offset once, none outside of the offsets that the cut moved over, and as many ignored
 * ones. Cuts that a rollback undid must have left nothing. Of a part that messages left for their
 * age the sum is told: what is there and what left make up what came.
 */
export async function checkBronze(
  pinned: PinnedLake,
  broken: BrokenFiles,
  retention: BronzeRetention | undefined,
): Promise<CheckResult> {
  const { session } = pinned
  const standing = await standingCuts(pinned.session, CUT_ROWS)
  await session.run(
    `CREATE OR REPLACE TEMP TABLE bronze_receipts AS SELECT cut_number, ingested_ts, source, ` +
      `source_partition, start_offset, end_offset, message_count, ignored_count FROM ${CUT_ROWS} ` +
      `WHERE source IS NOT NULL AND message_count > 0 AND ${standing}`,
  )
  const findings: Finding[] = []
  let checkedCount = 0n
  await startMissing(pinned)
  for (const piece of await cutPieces(pinned)) {
    const found = await comparePiece(pinned, broken, piece, retention)
    if (found === undefined) break
    checkedCount += found.messageCount
    const isWrong = (row: Difference) =>
      row.held !== row.said ||
      row.distinct_held !== row.held ||
      row.is_outside ||
      (row.ignored_held !== row.ignored_said && row.held === row.said)
    for (const row of found.differences.filter(isWrong)) {
      if (findings.length === FINDINGS_MAX) break
      findings.push(differenceFinding(row, await locate(pinned, broken, row)))
    }
  }
  findings.push(...(await missingFindings(pinned, retention)))
  return {
    ...{ name: 'bronze', checkedCount: Number(checkedCount), unit: 'messages', findings },
    notes: [],
  }
}

interface Piece {
  /** ingested_ts in microseconds, the first inclusive, the last exclusive. */
  readonly fromUs: bigint
  readonly untilUs: bigint
}

const END_OF_TIME_US = 1n << 62n

/** Runs of cuts of a bounded number of messages, which together cover all times. */
async function cutPieces({ session }: PinnedLake): Promise<Piece[]> {
  const rows = await session.rows<{ start: bigint }>(
    `SELECT min(epoch_us(ingested_ts)) AS start FROM (SELECT ingested_ts, ` +
      `sum(message_count) OVER (ORDER BY ingested_ts) // ${PIECE_MESSAGES} AS piece ` +
      `FROM bronze_receipts) GROUP BY piece ORDER BY piece`,
  )
  const starts = [-END_OF_TIME_US, ...rows.slice(1).map(({ start }) => start), END_OF_TIME_US]
  return starts.slice(0, -1).map((fromUs, index) => {
    return { fromUs, untilUs: starts[index + 1] ?? END_OF_TIME_US }
  })
}

interface Difference {
  readonly cut: bigint | null
  readonly ingested_us: bigint
  readonly source: string
  readonly source_partition: number
  readonly said: bigint
  readonly held: bigint
  readonly distinct_held: bigint
  readonly ignored_said: bigint
  readonly ignored_held: bigint
  readonly is_outside: boolean
  readonly example: bigint | null
  readonly tables: string | null
}

async function comparePiece(
  pinned: PinnedLake,
  broken: BrokenFiles,
  { fromUs, untilUs }: Piece,
  retention: BronzeRetention | undefined,
): Promise<{ messageCount: bigint; differences: readonly Difference[] } | undefined> {
  const { session } = pinned
  const isIn = `epoch_us(ingested_ts) >= ${fromUs} AND epoch_us(ingested_ts) < ${untilUs}`
  const selects: string[] = []
  for (const kind of pinned.lake.model.kinds) {
    const name = `bronze.${kind}_messages`
    const filter = [
      ...(fromUs === -END_OF_TIME_US
        ? []
        : [{ column: 'ingested_ts', op: '>=' as const, value: fromUs }]),
      ...(untilUs === END_OF_TIME_US
        ? []
        : [{ column: 'ingested_ts', op: '<' as const, value: untilUs }]),
    ]
    const rows = await readableRows(pinned, broken, name, { filter })
    if (rows === undefined) return undefined
    selects.push(
      `SELECT '${name}' AS held_by, source, source_partition, source_offset, ingested_ts, ` +
        `is_ignored FROM ${rows} WHERE ${isIn}`,
    )
  }
  const key = 'ingested_ts, source, source_partition'
  const said = `(SELECT * FROM bronze_receipts WHERE ${isIn})`
  await session.run(
    `CREATE OR REPLACE TEMP TABLE bronze_piece AS SELECT ${key}, cut_number AS cut, ` +
      `coalesce(message_count, 0) AS said, coalesce(n, 0) AS held, ` +
      `coalesce(distinct_n, 0) AS distinct_held, coalesce(ignored_count, 0) AS ignored_said, ` +
      `coalesce(ignored_n, 0) AS ignored_held, tables, ` +
      `coalesce(low < start_offset OR high >= end_offset, false) AS is_outside, ` +
      `CASE WHEN low < start_offset THEN low ELSE high END AS example ` +
      `FROM (SELECT ${key}, count(*) AS n, count(DISTINCT source_offset) AS distinct_n, ` +
      `count(*) FILTER (is_ignored) AS ignored_n, min(source_offset) AS low, ` +
      `max(source_offset) AS high, string_agg(DISTINCT held_by, ' and ') AS tables ` +
      `FROM (${selects.join(' UNION ALL ')}) GROUP BY ALL) ` +
      `FULL JOIN ${said} AS r USING (${key})`,
  )
  // What a retention may have removed is told by part, once all pieces are known.
  const mayHaveLeft =
    retention === undefined
      ? 'false'
      : `(cut IS NOT NULL AND held < said AND held = distinct_held AND NOT is_outside AND ` +
        `epoch_us(ingested_ts) < ${retention.ingestedUs})`
  await session.run(
    `INSERT INTO ${MISSING} SELECT source, source_partition, said - held FROM bronze_piece ` +
      `WHERE ${mayHaveLeft}`,
  )
  const differences = await session.rows<Difference>(
    `SELECT cut, epoch_us(ingested_ts) AS ingested_us, source, source_partition, said, held, distinct_held, ignored_said, ` +
      `ignored_held, is_outside, example, tables FROM bronze_piece WHERE NOT ${mayHaveLeft} AND (said <> held ` +
      `OR held <> distinct_held OR is_outside OR ignored_said <> ignored_held) ` +
      `ORDER BY ingested_ts, source, source_partition LIMIT ${FINDINGS_MAX * 50}`,
  )
  const [sum] = await session.rows<{ n: bigint | null }>(
    'SELECT sum(held)::BIGINT AS n FROM bronze_piece',
  )
  return { messageCount: sum?.n ?? 0n, differences }
}

/** Messages that the receipts count and bronze does not hold, of cuts before the last retention. */
const MISSING = 'missing_messages'

async function startMissing({ session }: PinnedLake): Promise<void> {
  await session.run(
    `CREATE OR REPLACE TEMP TABLE ${MISSING} ` +
      '(source VARCHAR, source_partition INTEGER, n BIGINT)',
  )
}

async function missingFindings(
  { session }: PinnedLake,
  retention: BronzeRetention | undefined,
): Promise<Finding[]> {
  if (retention === undefined) return []
  const rows = await session.rows<{ source: string; source_partition: number; n: bigint }>(
    `SELECT source, source_partition, sum(n)::BIGINT AS n FROM ${MISSING} GROUP BY ALL`,
  )
  const missing = new Map(
    rows.map(({ source, source_partition: partition, n }) => [partKey({ source, partition }), n]),
  )
  const parts = [...new Set([...missing.keys(), ...retention.counts.keys()])].sort()
  return parts.flatMap((part): Finding[] => {
    const [gone, left] = [missing.get(part) ?? 0n, retention.counts.get(part) ?? 0n]
    if (gone === left) return []
    return [
      {
        ...{ check: 'bronze', kind: gone > left ? 'data-loss' : 'corrupt-data', table: 'bronze' },
        what: `Bronze lacks ${gone} messages of ${part} that the receipts count, and retentions removed ${left} of it.`,
        advice:
          gone > left
            ? "Somebody deleted others too: restore the table's files from a copy."
            : 'Somebody added old ones again: find the snapshot (`sluice history`) and delete them.',
      },
    ]
  })
}

/** Which message it is that is lost or doubled, where that can be told. */
async function locate(
  pinned: PinnedLake,
  broken: BrokenFiles,
  row: Difference,
): Promise<LocatedMessage | undefined> {
  if (row.held !== row.distinct_held) return locateDoubled(pinned, broken, row)
  return row.held < row.said ? locateLost(pinned, broken, row) : undefined
}

function differenceFinding(row: Difference, located: LocatedMessage | undefined): Finding {
  const part = `${row.source}[${row.source_partition}]`
  const table = row.tables ?? 'bronze'
  const place = {
    check: 'bronze',
    table: located?.table ?? (table.includes(' and ') ? 'bronze' : table),
    ...(located?.file === undefined ? {} : { file: located.file }),
    ...(row.cut === null ? {} : { cut: Number(row.cut) }),
  } as const
  if (row.cut === null) {
    return {
      ...{ ...place, kind: 'corrupt-data' },
      what: `${row.held} messages of ${part} are there that no cut took in, or that a rollback undid.`,
      advice:
        'Find the snapshot that added them (`sluice history`): somebody else wrote to bronze. ' +
        'Roll the table back to before it, or delete these rows.',
    }
  }
  if (row.held < row.said) {
    return {
      ...{ ...place, kind: 'data-loss' },
      what: `Bronze holds ${row.held} of the ${row.said} messages that cut ${row.cut} took from ${part}${located === undefined ? '' : `; offset ${located.offset} is gone`}.`,
      advice:
        `Restore the table's files from a copy; without one, \`sluice rollback --cut ` +
        `${row.cut - 1n}\` reads the messages again, if their source still has them.`,
    }
  }
  if (row.held !== row.distinct_held || row.held > row.said) {
    return {
      ...{ ...place, kind: 'corrupt-data' },
      what: `Cut ${row.cut} took ${row.said} messages from ${part}; bronze holds ${row.held} of them, ${row.distinct_held} different ones: ${located === undefined ? 'a message' : `offset ${located.offset}`} is there twice.`,
      advice:
        'Find the snapshot that added the second copy (`sluice history`), and roll the table back ' +
        'to before it, or delete the copy.',
    }
  }
  if (row.is_outside) {
    return {
      ...{ ...place, kind: 'corrupt-data' },
      what: `A message of ${part} at offset ${row.example} bears the time of cut ${row.cut}, which did not move over that offset.`,
      advice:
        'Find the snapshot that changed it (`sluice history`), and roll the table back to before it.',
    }
  }
  return {
    ...{ ...place, kind: 'corrupt-data' },
    what: `Of ${part} bronze marks ${row.ignored_held} messages of cut ${row.cut} as ignored, its receipt says ${row.ignored_said}.`,
    advice:
      'Find the snapshot that changed it (`sluice history`), and roll the table back to before it.',
  }
}
