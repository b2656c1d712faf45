import { trinoDialect } from '../../../shared-transforms/dialect.ts'
import { duplicateRule, duplicatesSql } from '../../../shared-transforms/duplicates.ts'
import type { Kind } from '../../../shared-transforms/kind.ts'
import { IDENTITY_REACH_US } from '../../loop/dedupe-memory.ts'
import { silverTable } from '../../loop/write-cut-files.ts'
import { columnNames, make, type TrinoWork } from './trino-work.ts'

/** Good rows of a kind, as Trino reads them. */
export interface JudgedRows {
  /** Relation of silver's columns and `verdict`. */
  readonly relation: string
  /** Those that are refused; undefined where no two rows share an identity. */
  readonly conflicts: string | undefined
}

/**
 * Decides by the rule of `duplicatesSql` which good rows are accepted. Most rows have an identity
 * of their own: only those that share one, with each other or with silver, go through the rule.
 */
export async function judgeByTrino(work: TrinoWork, kind: Kind): Promise<JudgedRows> {
  const { trino, format, scratch } = work
  const decoded = scratch(`decoded_${kind}`)
  const columns = columnNames(work, silverTable(kind))
  const all = `SELECT ${columns.join(', ')}, 'accepted' AS verdict FROM ${decoded} AS d WHERE reason IS NULL`
  if (format.idKind(kind) === 'none') return { relation: `(${all})`, conflicts: undefined }
  const committed = await committedRows(work, kind)
  const shared = scratch(`shared_${kind}`)
  const purpose = `find ${kind}s that share an identity`
  await make(work, `shared_${kind}`, purpose, () => sharedSql(work, kind, committed))
  const [found] = await trino.rows<{ count: bigint }>(
    purpose,
    `SELECT count(*) AS count FROM ${shared}`,
  )
  if ((found?.count ?? 0n) === 0n) return { relation: `(${all})`, conflicts: undefined }
  const isShared = `EXISTS (SELECT 1 FROM ${shared} AS k WHERE ${keyIsEqual(work, kind, 'k', 'd')})`
  // As tables of their own: Trino reads what a rule names many times as often as it is named.
  const [candidates, accepted] = [`alike_${kind}`, `known_${kind}`]
  const names = columns.join(', ')
  await make(work, candidates, purpose, () => {
    const all = `SELECT ${names}, is_event_time_received FROM ${decoded} AS d`
    return `${all} WHERE reason IS NULL AND ${isShared}`
  })
  await make(
    work,
    accepted,
    purpose,
    () => `SELECT ${names} FROM ${committed} AS d WHERE ${isShared}`,
  )
  const input = { candidates: scratch(candidates), accepted: scratch(accepted) }
  const judged = duplicatesSql(duplicateRule(work.model.tables, kind), input, trinoDialect)
  await make(work, `judged_${kind}`, `compare ${kind}s of one identity`, () => judged)
  const verdicts = `SELECT ${columns.join(', ')}, verdict FROM ${scratch(`judged_${kind}`)} AS j`
  return {
    relation: `(${all} AND NOT ${isShared} UNION ALL ${verdicts})`,
    conflicts: `(${verdicts} WHERE verdict = 'conflict')`,
  }
}

/** Rows of silver that may share an identity with the good rows: those about their times. */
async function committedRows(work: TrinoWork, kind: Kind): Promise<string> {
  const decoded = work.scratch(`decoded_${kind}`)
  const silver = work.atHead(silverTable(kind))
  if (silver === undefined) return `(SELECT * FROM ${decoded} AS n WHERE false)`
  const us = trinoDialect.epochUs('event_ts')
  const [range] = await work.trino.rows<{ low: bigint | null; high: bigint | null }>(
    `find the times of the ${kind}s`,
    `SELECT min(${us}) AS low, max(${us}) AS high FROM ${decoded} AS d WHERE reason IS NULL`,
  )
  const { low, high } = range ?? { low: null, high: null }
  if (low === null || high === null) return `(SELECT * FROM ${silver} WHERE false)`
  return (
    `(SELECT * FROM ${silver} ` +
    `WHERE event_ts >= ${trinoDialect.timestampOfUs(String(low - IDENTITY_REACH_US))} ` +
    `AND event_ts <= ${trinoDialect.timestampOfUs(String(high + IDENTITY_REACH_US))})`
  )
}

/** Keys of identities that more than one row has. Keys may be too many, never too few. */
function sharedSql(work: TrinoWork, kind: Kind, committed: string): string {
  const keys = keyColumns(work, kind).join(', ')
  const good =
    `(SELECT * FROM ${work.scratch(`decoded_${kind}`)} AS d ` +
    `WHERE reason IS NULL AND ${kind}_id IS NOT NULL)`
  const known = `(SELECT ${keys} FROM ${committed} AS c)`
  return (
    `SELECT ${keys} FROM ${good} AS g GROUP BY ${keys} HAVING count(*) > 1 UNION ` +
    `SELECT ${keys} FROM ${good} AS g ` +
    `WHERE EXISTS (SELECT 1 FROM ${known} AS k WHERE ${keyIsEqual(work, kind, 'k', 'g')})`
  )
}

/** Where the event time is the receive time, one id at two times may be one identity. */
function keyColumns({ format }: TrinoWork, kind: Kind): readonly string[] {
  const id = ['venue', 'venue_symbol', `${kind}_id`]
  return format.isEventTimeReceived(kind) ? id : [...id, 'event_ts']
}

function keyIsEqual(work: TrinoWork, kind: Kind, a: string, b: string): string {
  return keyColumns(work, kind)
    .map((name) => `${a}.${name} = ${b}.${name}`)
    .join(' AND ')
}
