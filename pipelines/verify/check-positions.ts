import { decodePositions, POSITIONS_PROPERTY } from '../loop/loop-state.ts'
import { readPositionsFromRows } from '../loop/read-positions.ts'
import { CUT_ROWS } from './cut-rows-table.ts'
import { type CheckResult, type Finding, FINDINGS_MAX } from './finding.ts'
import { CUTS, type PinnedLake } from './pin-lake.ts'

/**
 * Whether each source part goes on in every cut where it ended in the one before, moves by as many
 * offsets at least as it had messages (backwards in a rollback), and whether the property that
 * repeats the positions says what the rows say.
 */
export async function checkPositions(pinned: PinnedLake): Promise<CheckResult> {
  const { session } = pinned
  const rows = await session.rows<PartStep>(
    `SELECT cut_number, source, source_partition, start_offset, end_offset, message_count, ` +
      `previous_end FROM (SELECT *, lag(end_offset) OVER (PARTITION BY source, source_partition ` +
      `ORDER BY cut_number) AS previous_end FROM ${CUT_ROWS} WHERE source IS NOT NULL) ` +
      `WHERE previous_end <> start_offset OR start_offset IS NULL OR end_offset IS NULL ` +
      `OR abs(end_offset - start_offset) < abs(message_count) ` +
      `OR sign(end_offset - start_offset) * sign(message_count) < 0 ` +
      `ORDER BY cut_number, source, source_partition LIMIT ${FINDINGS_MAX}`,
  )
  const [count] = await session.rows<{ n: bigint }>(
    `SELECT count(DISTINCT (source, source_partition)) AS n FROM ${CUT_ROWS} ` +
      'WHERE source IS NOT NULL',
  )
  const findings = [...rows.map(stepFinding), ...(await checkProperty(pinned))]
  const checkedCount = Number(count?.n ?? 0n)
  return { name: 'positions', checkedCount, unit: 'source parts', findings, notes: [] }
}

interface PartStep {
  readonly cut_number: bigint
  readonly source: string
  readonly source_partition: number
  readonly start_offset: bigint | null
  readonly end_offset: bigint | null
  readonly message_count: bigint
  readonly previous_end: bigint | null
}

function stepFinding(row: PartStep): Finding {
  const { start_offset: start, end_offset: end, previous_end: before } = row
  const part = `${row.source}[${row.source_partition}]`
  const place = { check: 'positions', table: CUTS, cut: Number(row.cut_number) } as const
  if (start !== null && before !== null && start > before) {
    return {
      ...{ ...place, kind: 'data-loss' },
      what: `Cut ${row.cut_number} starts ${part} at ${start}, and the cut before it ended at ${before}: no cut says what became of the ${start - before} offsets between.`,
      advice:
        'Restore the rows of sluice.cuts that are missing between; if there never were any, read ' +
        'the offsets again from the source: go back with `sluice rollback --cut` and start again.',
    }
  }
  if (start !== null && before !== null && start < before) {
    return {
      ...{ ...place, kind: 'corrupt-data' },
      what: `Cut ${row.cut_number} starts ${part} at ${start}, before ${before} where the last cut ended: ${before - start} offsets were taken in twice.`,
      advice:
        'Look for a writer that does not keep the fence of the commit, and go back with `sluice ' +
        'rollback --cut` to the cut before it.',
    }
  }
  return {
    ...{ ...place, kind: 'corrupt-data' },
    what: `Cut ${row.cut_number} says ${row.message_count} messages of ${part} from ${start} to ${end}: more than there are offsets.`,
    advice:
      'Restore the rows of sluice.cuts from a copy, or roll the table back behind the change.',
  }
}

/** The loop trusts the property where its cut is the last one. */
async function checkProperty({ lake, session, tables, cut }: PinnedLake): Promise<Finding[]> {
  const table = tables.get(CUTS)
  if (table === undefined || cut === undefined) return []
  const place = { check: 'positions', kind: 'corrupt-data', table: CUTS } as const
  const text = table.loaded.metadata.properties[POSITIONS_PROPERTY]
  if (text === undefined) {
    return [
      {
        ...{ ...place, cut: cut.cutNumber },
        what:
          `The property ${POSITIONS_PROPERTY} of ${CUTS} is gone. Nothing is lost: the rows say ` +
          'the same, and the next start reads those.',
        advice: 'Start `sluice live`: its next cut writes the property again.',
      },
    ]
  }
  const told = decodePositions(text, cut.cutNumber)
  if (told === undefined) return []
  const rows = await readPositionsFromRows(lake, session, table.pinned, cut.cutNumber)
  const ends = (state: typeof rows) =>
    JSON.stringify([
      ...[...state.parts].map(([key, { endOffset }]) => [key, String(endOffset)]).sort(),
      [String(state.watermarkUs), String(state.ingestedUs)],
    ])
  if (ends(told) === ends(rows)) return []
  return [
    {
      ...{ ...place, cut: cut.cutNumber },
      what:
        `The property ${POSITIONS_PROPERTY} of ${CUTS} says other positions than the rows of ` +
        `cut ${cut.cutNumber}: a writer that starts now would read from a wrong place.`,
      advice: `Start no writer. Remove the property from ${CUTS}: the rows are read instead.`,
    },
  ]
}
